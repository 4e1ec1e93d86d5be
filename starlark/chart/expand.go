package chart

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

// Expand writes an archive's chart to a folder that there is not yet, whole or
// not at all.
func Expand(archive []byte, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".chart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := chartutil.Expand(temp, bytes.NewReader(archive)); err != nil {
		return fmt.Errorf("expanding a chart: %w", err)
	}
	entries, err := os.ReadDir(temp)
	if err != nil {
		return err
	}
	if len(entries) != 1 || !entries[0].IsDir() {
		return fmt.Errorf("expanding a chart: the archive holds %d charts", len(entries))
	}
	return os.Rename(filepath.Join(temp, entries[0].Name()), dir)
}
