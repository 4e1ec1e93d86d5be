package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// untilStarts asks a URL until the answer begins as wanted. It reads no more
// than that of it.
func (b *bench) untilStarts(ctx context.Context, url, want string) error {
	for {
		got, err := start(ctx, url, len(want))
		if err == nil && got == want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s never began with %q, last: %q %w", url, want, got, ctx.Err())
		case <-time.After(time.Millisecond / 2):
		}
	}
}

func start(ctx context.Context, url string, n int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=0-%d", n-1))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(n)))
	return string(data), err
}
