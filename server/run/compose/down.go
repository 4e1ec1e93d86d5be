package compose

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Down takes projects down beside each other and returns when their containers
// and networks are gone, or what became of the others. Volumes stay.
func (s *Services) Down(ctx context.Context, projects []string) error {
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	errs := make([]error, len(projects))
	var all sync.WaitGroup
	for i, name := range projects {
		all.Go(func() {
			if err := s.o.Docker.Down(ctx, name); err != nil {
				errs[i] = fmt.Errorf("taking the Compose project %s down: %w", name, orForget(err))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// orForget says of a docker that cannot take anything down, and will not by itself,
// how to go on without it.
func orForget(err error) error {
	var f *Failure
	if !errors.As(err, &f) || f.Passing || f.Problem.Hint == "" {
		return err
	}
	lacking := *f
	lacking.Problem.Hint += "; or give up what it has, without deleting it: `towline down --forget`"
	return &lacking
}
