package bridge_test

import (
	"context"

	"github.com/towline-dev/towline/dap/bridge"
	"github.com/towline-dev/towline/dap/rewrite"
)

func describe(workspace string) func(context.Context, string) rewrite.Workspace {
	return func(ctx context.Context, _ string) rewrite.Workspace {
		return bridge.DescribeDisk(ctx, workspace)
	}
}
