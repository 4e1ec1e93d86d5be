package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// The handshake is three messages of fixed length.
//
//	daemon: magic, version, key id, nonce
//	agent:  magic, version, status, nonce, MAC("agent", all before)
//	daemon: MAC("daemon", all before)
//
// MACs are HMAC-SHA256 under the enrolled key over a label and everything that
// was said so far, so neither side can be made to answer for the other, and
// nothing can be replayed. The key id only names the key; it is a hash.
const (
	magicSize = 8
	nonceSize = 32
	macSize   = sha256.Size
	keyIDSize = 16
	helloSize = magicSize + 2 + keyIDSize + nonceSize
	replySize = magicSize + 2 + 1 + nonceSize
)

var magic = [magicSize]byte{'t', 'o', 'w', 'l', 'i', 'n', 'e', 0}

// Statuses of the agent's reply.
const (
	statusOK      = 0
	statusVersion = 1 // of the protocol differs
	statusKey     = 2 // is not enrolled
)

// KeyID names a key without telling it.
type KeyID [keyIDSize]byte

// KeyIDOf returns the id of a key.
func KeyIDOf(key []byte) KeyID {
	sum := sha256.Sum256(append([]byte("towline key id\x00"), key...))
	return KeyID(sum[:keyIDSize])
}

// Errors of the handshake. ErrNotEnrolled: the agent does not know the key, so
// it must be enrolled anew. ErrNotAgent: whoever answers does not speak this
// protocol. ErrForged: whoever answers does not know the key.
var (
	ErrNotEnrolled = errors.New("the agent does not know this key")
	ErrNotAgent    = errors.New("what answers on the agent's port is no towline agent")
	ErrForged      = errors.New("the other side does not know the enrolled key")
)

// VersionError says that the two sides speak different versions.
type VersionError struct{ Ours, Theirs uint16 }

// Error names both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("protocol version %d on this side, %d on the other", e.Ours, e.Theirs)
}

// Greet is the daemon's half of the handshake. It sets no deadline: the caller
// closes conn to end it.
func Greet(conn io.ReadWriter, key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("a key has %d bytes, got %d", KeySize, len(key))
	}
	id := KeyIDOf(key)
	said := append([]byte(nil), magic[:]...)
	said = binary.BigEndian.AppendUint16(said, Version)
	said = append(said, id[:]...)
	said = append(said, nonce()...)
	if _, err := conn.Write(said); err != nil {
		return fmt.Errorf("greeting the agent: %w", err)
	}
	reply := make([]byte, replySize)
	if _, err := io.ReadFull(conn, reply); err != nil {
		return fmt.Errorf("waiting for the agent's answer: %w", noEOF(err))
	}
	if !bytes.Equal(reply[:magicSize], magic[:]) {
		return ErrNotAgent
	}
	switch theirs := binary.BigEndian.Uint16(reply[magicSize:]); {
	case theirs != Version:
		return &VersionError{Ours: Version, Theirs: theirs}
	case reply[magicSize+2] == statusKey:
		return ErrNotEnrolled
	case reply[magicSize+2] != statusOK:
		return ErrNotAgent
	}
	said = append(said, reply...)
	proof := make([]byte, macSize)
	if _, err := io.ReadFull(conn, proof); err != nil {
		return fmt.Errorf("waiting for the agent's proof: %w", noEOF(err))
	}
	if !hmac.Equal(proof, mac(key, "agent", said)) {
		return ErrForged
	}
	said = append(said, proof...)
	if _, err := conn.Write(mac(key, "daemon", said)); err != nil {
		return fmt.Errorf("proving the key to the agent: %w", err)
	}
	return nil
}

// Accept is the agent's half of the handshake. The lookup finds the key of an
// id, nil if there is none. Accept returns the id of the key that the other
// side proved to know. The caller sets the deadline on conn.
func Accept(conn io.ReadWriter, lookup func(KeyID) []byte) (KeyID, error) {
	said := make([]byte, helloSize)
	if _, err := io.ReadFull(conn, said); err != nil {
		return KeyID{}, noEOF(err)
	}
	if !bytes.Equal(said[:magicSize], magic[:]) {
		return KeyID{}, fmt.Errorf("%w: wrong magic", ErrProtocol)
	}
	reply := binary.BigEndian.AppendUint16(append([]byte(nil), magic[:]...), Version)
	if theirs := binary.BigEndian.Uint16(said[magicSize:]); theirs != Version {
		return KeyID{}, refuse(conn, reply, statusVersion, &VersionError{Ours: Version, Theirs: theirs})
	}
	id := KeyID(said[magicSize+2:])
	key := lookup(id)
	if key == nil {
		return KeyID{}, refuse(conn, reply, statusKey, ErrNotEnrolled)
	}
	said = append(said, append(append(reply, statusOK), nonce()...)...)
	proof := mac(key, "agent", said)
	if _, err := conn.Write(append(said[helloSize:len(said):len(said)], proof...)); err != nil {
		return KeyID{}, err
	}
	said = append(said, proof...)
	got := make([]byte, macSize)
	if _, err := io.ReadFull(conn, got); err != nil {
		return KeyID{}, noEOF(err)
	}
	if !hmac.Equal(got, mac(key, "daemon", said)) {
		return KeyID{}, ErrForged
	}
	return id, nil
}

func refuse(conn io.Writer, reply []byte, status byte, why error) error {
	reply = append(append(reply, status), make([]byte, nonceSize)...)
	_, err := conn.Write(reply)
	return errors.Join(why, err)
}

func nonce() []byte {
	n := make([]byte, nonceSize)
	rand.Read(n) // never fails
	return n
}

func mac(key []byte, label string, said []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("towline " + label + "\x00"))
	h.Write(said)
	return h.Sum(nil)
}
