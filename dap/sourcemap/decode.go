package sourcemap

import "fmt"

// digits are the values of Base64's characters, plus 1; 0 is none of them.
var digits = func() (table [256]byte) {
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		table[c] = byte(i + 1)
	}
	return table
}()

// decode reads mappings: lines are parted by semicolons, segments by commas, and
// each segment is one, four or five numbers, all but the line as differences
// from the segment before. The map's sources begin at first.
func (m *Map) decode(mappings string, begin Position, first int) error {
	at, known := begin, len(m.Sources)-first
	var source int
	var from Position
	for i := 0; i < len(mappings); {
		switch mappings[i] {
		case ';':
			at = Position{Line: at.Line + 1}
			i++
			continue
		case ',':
			i++
			continue
		}
		var fields [5]int
		n, next, err := segmentAt(mappings, i, &fields)
		if err != nil {
			return err
		}
		i = next
		at.Column += fields[0]
		source += fields[1]
		from.Line += fields[2]
		from.Column += fields[3]
		if at.Column < 0 || at.Column > maxNumber || outside(source) || outside(from.Line) || outside(from.Column) {
			return fmt.Errorf("%w: a segment out of bounds before byte %d", ErrMalformed, i)
		}
		if len(m.generated) == maxSegments {
			return fmt.Errorf("%w: more than %d segments", ErrMalformed, maxSegments)
		}
		s := segment{at: at, source: -1}
		if n >= 4 && source >= 0 && source < known && from.Line >= 0 && from.Column >= 0 {
			s.source, s.from = first+source, from
		}
		m.generated = append(m.generated, s)
	}
	return nil
}

func outside(n int) bool { return n > maxNumber || n < -maxNumber }

// segmentAt reads the numbers of the segment that begins at i.
func segmentAt(s string, i int, fields *[5]int) (n, next int, err error) {
	for i < len(s) && s[i] != ',' && s[i] != ';' {
		if n == len(fields) {
			return 0, 0, fmt.Errorf("%w: a segment of more than %d numbers", ErrMalformed, n)
		}
		if fields[n], i, err = number(s, i); err != nil {
			return 0, 0, err
		}
		n++
	}
	if n != 1 && n < 4 {
		return 0, 0, fmt.Errorf("%w: a segment of %d numbers", ErrMalformed, n)
	}
	return n, i, nil
}

// number reads a number in Base64 VLQ: five bits a digit, the least first, of
// which the lowest bit of all is the sign.
func number(s string, i int) (value, next int, err error) {
	for shift := 0; i < len(s); shift += 5 {
		d := digits[s[i]]
		if d == 0 || shift > 30 {
			break
		}
		d--
		i++
		value |= int(d&31) << shift
		if d&32 == 0 {
			if value&1 != 0 {
				return -(value >> 1), i, nil
			}
			return value >> 1, i, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: no number at byte %d of the mappings", ErrMalformed, i)
}
