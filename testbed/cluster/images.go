package cluster

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1"

	"github.com/towline-dev/towline/testbed/host"
	"github.com/towline-dev/towline/testbed/image"
	"github.com/towline-dev/towline/testbed/kubebin"
	"github.com/towline-dev/towline/testbed/layout"
)

// Images makes the base images and pushes those that the registry lacks.
func (c *Cluster) Images() error {
	source, err := kubebin.Source()
	if err != nil {
		return err
	}
	return c.images(source)
}

func (c *Cluster) images(source string) error {
	registry := "http://" + c.layout.Registry() + "/v2/"
	if err := c.await("the registry", func() error { return ping(registry) }, registryName); err != nil {
		return err
	}
	pause, err := c.Program(kubebin.Pause(), source)
	if err != nil {
		return err
	}
	busybox, err := host.Busybox()
	if err != nil {
		return err
	}
	cache, err := layout.CacheDir()
	if err != nil {
		return err
	}
	return c.steps.Do("base images are in the registry", func(say func(string)) error {
		var pushed []string
		for _, one := range []struct {
			name string
			make func() (v1.Image, error)
		}{
			{"pause:1", func() (v1.Image, error) { return image.Pause(pause) }},
			{"busybox:1", func() (v1.Image, error) { return image.Busybox(busybox) }},
			{"static:nonroot", image.Static},
			{"python:3", func() (v1.Image, error) { return image.Python(busybox, cache, say) }},
			{"node:1", func() (v1.Image, error) { return image.Node(busybox, cache, say) }},
		} {
			say(one.name)
			img, err := one.make()
			if errors.Is(err, image.ErrMissing) {
				c.steps.Say("          no %s: %v", one.name, err)
				continue
			}
			if err != nil {
				return fmt.Errorf("making the image %s: %w", one.name, err)
			}
			fresh, err := image.Ensure(c.layout.Registry()+"/"+one.name, img)
			if err != nil {
				return err
			}
			if fresh {
				pushed = append(pushed, one.name)
			}
		}
		if len(pushed) > 0 {
			c.steps.Say("          pushed %s", strings.Join(pushed, ", "))
		}
		return nil
	})
}
