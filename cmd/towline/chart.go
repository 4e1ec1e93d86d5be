package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/release"
	"github.com/towline-dev/towline/starlark/chart"
	"github.com/towline-dev/towline/starlark/kustomize"
)

// chartCommand is `towline chart`: the few subcommands of helm that the
// extension helm_resource runs, for machines without that program. Their
// arguments are helm's.
func chartCommand() *cobra.Command {
	root := &cobra.Command{Use: "chart", Short: "Install charts where there is no helm program", Hidden: true}
	get := &cobra.Command{Use: "get"}
	get.AddCommand(chartManifestCommand())
	repo := &cobra.Command{Use: "repo"}
	repo.AddCommand(chartRepoCommand())
	dependency := &cobra.Command{Use: "dependency"}
	dependency.AddCommand(&cobra.Command{Use: "update CHART", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return chartSource().FetchDependencies(cmd.Context(), args[0])
	}})
	render := &cobra.Command{Use: "render", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return chart.Serve(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
	}}
	build := &cobra.Command{Use: "kustomize", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return kustomize.Serve(cmd.InOrStdin(), cmd.OutOrStdout())
	}}
	root.AddCommand(render, build, chartUpgradeCommand(), chartUninstallCommand(), get, repo, dependency)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w: without the helm program only its common flags are known; install it (https://helm.sh/docs/intro/install) to use others", err)
	})
	return root
}

// apart is the command that does a part of an evaluation in a process of its
// own; none where this program does not know where it lies.
func apart(args ...string) []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return append([]string{self}, args...)
}

func chartSource() chart.Source { return chart.Source{Env: os.Environ()} }

// openRelease opens the cluster of a release.
func openRelease(name, namespace string) (*kube.Cluster, release.Release, error) {
	cluster, err := kube.Open(kube.Options{Namespace: namespace})
	if err != nil {
		return nil, release.Release{}, err
	}
	return cluster, release.Release{Name: name, Namespace: cluster.Identity().Namespace}, nil
}

// chartFlags are the flags of helm upgrade that are known.
type chartFlags struct {
	values, set, setString []string
	namespace              string
	createNamespace        bool
	skipCRDs               bool
	dependencies           bool
	version, repo          string
	username, password     string
}

func chartUpgradeCommand() *cobra.Command {
	var f chartFlags
	cmd := &cobra.Command{
		Use:  "upgrade RELEASE CHART",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.upgrade(cmd.Context(), cmd.ErrOrStderr(), args[0], args[1])
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.values, "values", "f", nil, "file of values")
	flags.StringArrayVar(&f.set, "set", nil, "single value")
	flags.StringArrayVar(&f.setString, "set-string", nil, "single value, a text")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "the release's namespace")
	flags.BoolVar(&f.createNamespace, "create-namespace", false, "make the namespace")
	flags.BoolVar(&f.skipCRDs, "skip-crds", false, "leave definitions out")
	flags.BoolVar(&f.dependencies, "dependency-update", false, "fetch the chart's dependencies")
	flags.StringVar(&f.version, "version", "", "the chart's version")
	flags.StringVar(&f.repo, "repo", "", "the repository's URL")
	flags.StringVar(&f.username, "username", "", "for the repository")
	flags.StringVar(&f.password, "password", "", "for the repository")
	// The daemon waits for what it deploys, so these change nothing here.
	for _, name := range []string{"install", "wait", "wait-for-jobs", "atomic", "debug", "force", "reset-values", "cleanup-on-fail", "devel"} {
		flags.Bool(name, false, "accepted")
	}
	for _, name := range []string{"timeout", "description", "history-max", "kubeconfig", "kube-context"} {
		flags.String(name, "", "accepted")
	}
	return cmd
}

// upgrade fetches, renders and installs a chart.
func (f *chartFlags) upgrade(ctx context.Context, log io.Writer, name, ref string) error {
	cluster, rel, err := openRelease(name, f.namespace)
	if err != nil {
		return err
	}
	dir, clean, err := f.folder(ctx, ref)
	if err != nil {
		return err
	}
	defer clean()
	serverVersion, err := cluster.ServerVersion(ctx)
	if err != nil {
		return err
	}
	text, err := chart.Rendering{
		Dir: dir, Name: name, Namespace: rel.Namespace, Values: f.values, Set: f.set, SetString: f.setString,
		KubeVersion: serverVersion, SkipCRDs: f.skipCRDs,
	}.Render(ctx)
	if err != nil {
		return err
	}
	objects, err := kube.Decode(strings.NewReader(text))
	if err != nil {
		return err
	}
	if f.createNamespace {
		if _, err := cluster.EnsureNamespace(ctx, rel.Namespace, nil); err != nil {
			return err
		}
	}
	_, err = rel.Install(ctx, cluster, objects, func(p kube.Progress) {
		fmt.Fprintln(log, strings.TrimSpace(fmt.Sprintf("%s %s %s", p.Object, p.Action, p.Message)))
	})
	return err
}

// folder returns the chart as a folder, and what removes it again when it was
// fetched.
func (f *chartFlags) folder(ctx context.Context, ref string) (dir string, clean func(), err error) {
	info, err := os.Stat(ref)
	if err == nil && info.IsDir() {
		if f.dependencies {
			err = chartSource().FetchDependencies(ctx, ref)
		}
		return ref, func() {}, err
	}
	var archive []byte
	if err == nil {
		archive, err = os.ReadFile(ref)
	} else {
		archive, err = chartSource().Pull(ctx, chart.Ref{Chart: ref, Repo: f.repo, Version: f.version, Username: f.username, Password: f.password})
	}
	if err != nil {
		return "", nil, err
	}
	temp, err := os.MkdirTemp("", "towline-chart-")
	if err != nil {
		return "", nil, err
	}
	clean = func() { os.RemoveAll(temp) }
	dir = filepath.Join(temp, "chart")
	if err := chart.Expand(archive, dir); err != nil {
		clean()
		return "", nil, err
	}
	return dir, clean, nil
}

func chartUninstallCommand() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{Use: "uninstall RELEASE", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		cluster, rel, err := openRelease(args[0], namespace)
		if err != nil {
			return err
		}
		return rel.Uninstall(cmd.Context(), cluster, nil)
	}}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the release's namespace")
	return cmd
}

// chartManifestCommand prints which objects a release has, one JSON document
// each: enough to find them by.
func chartManifestCommand() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{Use: "manifest RELEASE", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		cluster, rel, err := openRelease(args[0], namespace)
		if err != nil {
			return err
		}
		objects, err := rel.Objects(cmd.Context(), cluster)
		if err != nil {
			return err
		}
		for _, o := range objects {
			data, err := json.Marshal(o)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "---\n%s\n", data)
		}
		return nil
	}}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the release's namespace")
	return cmd
}

func chartRepoCommand() *cobra.Command {
	var r chart.Repository
	var stdin bool
	cmd := &cobra.Command{Use: "add NAME URL", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		r.Name, r.URL = args[0], args[1]
		if stdin {
			data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1<<16))
			if err != nil {
				return err
			}
			r.Password = strings.TrimRight(string(data), "\r\n")
		}
		return chartSource().Add(r)
	}}
	cmd.Flags().StringVar(&r.Username, "username", "", "for repositories that are not public")
	cmd.Flags().StringVar(&r.Password, "password", "", "for repositories that are not public")
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from the standard input")
	cmd.Flags().Bool("force-update", false, "accepted: an entry is always replaced")
	return cmd
}
