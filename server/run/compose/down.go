package compose

import (
	"context"
	"errors"
	"fmt"
)

// Down takes projects down beside each other and returns when their containers
// and networks are gone, or what became of the others. Volumes stay.
func (s *Services) Down(ctx context.Context, projects []string) error {
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	errs := make(chan error)
	for _, name := range projects {
		go func() {
			err := s.o.Docker.Down(ctx, name)
			if err != nil {
				err = fmt.Errorf("taking the Compose project %s down: %w", name, err)
			}
			errs <- err
		}()
	}
	var all []error
	for range projects {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}
