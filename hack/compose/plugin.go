//go:build plugin

// Package compose pins Docker's Compose plugin, which the tests of
// server/run/compose build for themselves:
//
//	go build -C hack/compose -o DOCKER_CONFIG/cli-plugins/docker-compose github.com/docker/compose/v5/cmd
package compose

import _ "github.com/docker/compose/v5/cmd"
