package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/eval"
	"github.com/towline-dev/towline/starlark/gitrepo"
)

// extensionsCommand is `towline extensions`: the repositories of extensions that
// a Tiltfile loads, and which of their commits.
func extensionsCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "extensions [-f FILE]",
		Short: "Show and lock the repositories of extensions that a Tiltfile loads",
		Long: "Show the repositories of extensions that a Tiltfile loads, which of their commits, and how far behind that is.\n\n" +
			"What is shipped comes with the program. Of any other the newest commit is fetched at each `up`, unless " + extensions.LockName + "\n" +
			"beside the Tiltfile names one: `towline extensions update` writes it. Keep it with the Tiltfile.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			used, err := usedExtensions(cmd.Context(), file)
			if err != nil {
				return err
			}
			if len(used.repos) == 0 {
				say(cmd.OutOrStdout(), "The Tiltfile loads no extensions but those that are shipped: there is nothing to lock.")
				return nil
			}
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(out, "REPOSITORY\tREF\tCOMMIT\tLOCKED\tBEHIND\tEXTENSIONS")
			for _, u := range used.repos {
				fmt.Fprintln(out, used.line(cmd.Context(), u))
			}
			return out.Flush()
		},
	}
	update := &cobra.Command{
		Use:   "update [NAME…]",
		Short: "Fetch the newest commits and write them to " + extensions.LockName,
		Long:  "Fetch the newest commits and write them to " + extensions.LockName + ". A NAME is an extension's or a repository's; without one, all are updated.",
		RunE: func(cmd *cobra.Command, names []string) error {
			used, err := usedExtensions(cmd.Context(), file)
			if err != nil {
				return err
			}
			for _, name := range names {
				if !slices.ContainsFunc(used.repos, func(r repoUse) bool { return r.is(name) }) {
					return fmt.Errorf("the Tiltfile loads no extension or repository %q: `towline extensions` lists them", name)
				}
			}
			if len(used.repos) == 0 {
				say(cmd.OutOrStdout(), "The Tiltfile loads no extensions but those that are shipped: there is nothing to update.")
			}
			for _, r := range used.repos {
				if len(names) > 0 && !slices.ContainsFunc(names, r.is) {
					continue
				}
				got, err := used.remote.Update(cmd.Context(), r.url, r.ref)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is locked at %s\n", r.url, shortCommit(got.Commit))
			}
			return nil
		},
	}
	cmd.PersistentFlags().StringVarP(&file, "file", "f", "", fileUsage)
	cmd.AddCommand(update)
	return cmd
}

// repoUse is a repository that a Tiltfile loads extensions of.
type repoUse struct {
	url, ref string
	names    []string // of the extensions' folders
}

// is reports whether a person means it by a name.
func (r repoUse) is(name string) bool {
	return name == r.url || name == strings.TrimSuffix(path.Base(r.url), ".git") || slices.Contains(r.names, strings.TrimPrefix(name, extensions.Scheme))
}

// extensionUse is what a Tiltfile loads, and a Remote that notes it.
type extensionUse struct {
	remote *gitrepo.Remote
	repos  []repoUse
}

// Fetch implements eval.Remote.
func (u *extensionUse) Fetch(ctx context.Context, url, ref string) (string, error) {
	if !slices.ContainsFunc(u.repos, func(r repoUse) bool { return r.url == url && r.ref == ref }) {
		u.repos = append(u.repos, repoUse{url: url, ref: ref})
	}
	return u.remote.Fetch(ctx, url, ref)
}

// usedExtensions evaluates a Tiltfile. What is wrong with the rest of it does not
// matter.
func usedExtensions(ctx context.Context, file string) (*extensionUse, error) {
	tiltfile, err := tiltfileToEvaluate(file)
	if err != nil {
		return nil, err
	}
	used := &extensionUse{remote: extensionCache(tiltfile, nil)}
	if used.remote == nil {
		return nil, fmt.Errorf("there is no folder for the cache: set HOME or XDG_CACHE_HOME")
	}
	project := eval.Eval(ctx, eval.Options{Tiltfile: tiltfile, Env: os.Environ(), Version: version, Renderer: apart("chart", "render"), Kustomizer: apart("chart", "kustomize"), Remote: used, AnyContext: true})
	if project.Error != nil && len(used.repos) == 0 {
		return nil, project.Error
	}
	for i, r := range used.repos {
		entry, _, ok := used.remote.Using(r.url, r.ref)
		root := extensions.Cache(used.remote.Dir).Folder(r.url, entry.Commit)
		for _, f := range project.ConfigFiles {
			if rel, err := filepath.Rel(root, f); ok && err == nil && filepath.IsLocal(rel) && filepath.Base(rel) == "Tiltfile" {
				used.repos[i].names = append(used.repos[i].names, filepath.ToSlash(filepath.Dir(rel)))
			}
		}
	}
	return used, nil
}

// line is a row of the table.
func (u *extensionUse) line(ctx context.Context, r repoUse) string {
	entry, locked, ok := u.remote.Using(r.url, r.ref)
	ref, isLocked, behind := r.ref, "no", "?"
	if ref == "" {
		ref = "-"
	}
	if locked {
		isLocked = "yes"
	}
	if !ok {
		return strings.Join([]string{r.url, ref, "not fetched", isLocked, behind, strings.Join(r.names, " ")}, "\t")
	}
	switch n, err := u.remote.Behind(ctx, r.url, r.ref, entry.Commit); {
	case err != nil: // offline
	case n < 0:
		behind = "diverged"
	default:
		behind = fmt.Sprintf("%d commits", n)
	}
	return strings.Join([]string{r.url, ref, shortCommit(entry.Commit), isLocked, behind, strings.Join(r.names, " ")}, "\t")
}

func shortCommit(commit string) string { return commit[:min(len(commit), 12)] }
