package build

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/towline-dev/towline/starlark/config"
)

// Where an image of a Go program has its files, as ko puts them.
const (
	goFolder   = "ko-app"
	dataFolder = "var/run/ko"
)

// defaultGoBase is ko's: certificates, time zones and a user, and no shell.
const defaultGoBase = "cgr.dev/chainguard/static:latest"

// goImage makes the image of a Go program as ko does: what `go build` makes, for the
// nodes' platform, in a layer of its own on a base image. Nothing in it says when or
// where it was made, so that the same sources give the same image.
func (b *builder) goImage(ctx context.Context, r Request) (Result, error) {
	names, err := b.destination(r.Image.Ref, r.Output)
	if err != nil {
		return Result{}, err
	}
	platform, err := b.goPlatform(ctx)
	if err != nil {
		return Result{}, err
	}
	work, err := os.MkdirTemp("", "towline-go-")
	if err != nil {
		return Result{}, fmt.Errorf("making a folder for the build: %w", err)
	}
	defer os.RemoveAll(work)
	program, err := b.goProgram(ctx, r, platform, work)
	if err != nil {
		return Result{}, err
	}
	base, err := b.goBase(ctx, r, platform)
	if err != nil {
		return Result{}, err
	}
	image, err := onBase(base, program, filepath.Join(r.Image.Go.Dir, r.Image.Go.ImportPath, "kodata"))
	if err != nil {
		return Result{}, fmt.Errorf("making image %s: %w", r.Image.Ref, err)
	}
	return b.finishImage(ctx, image, names, r)
}

// goPlatform is what the image is for: the nodes' platform, or that of the docker
// that will run it.
func (b *builder) goPlatform(ctx context.Context) (v1.Platform, error) {
	text := b.cluster.Platform
	if text == "" && DeliveryFor(b.cluster) == Shared {
		t, err := b.find(ctx)
		if err != nil {
			return v1.Platform{}, err
		}
		text = t.platform
	}
	p, err := v1.ParsePlatform(text)
	if err != nil || p.OS == "" || p.Architecture == "" {
		return v1.Platform{OS: "linux", Architecture: "amd64"}, nil
	}
	return *p, nil
}

// goProgram runs go build.
func (b *builder) goProgram(ctx context.Context, r Request, platform v1.Platform, work string) (string, error) {
	g := r.Image.Go
	program := filepath.Join(work, programName(g))
	argv := append([]string{"go", "build", "-trimpath", "-o", program}, g.Flags...)
	if len(g.LDFlags) > 0 {
		argv = append(argv, "-ldflags="+strings.Join(g.LDFlags, " "))
	}
	argv = append(argv, g.ImportPath)
	say(r.Output, "%s, for %s/%s", strings.Join(argv[:2], " ")+" "+g.ImportPath, platform.OS, platform.Architecture)
	env := append(slices.Clone(b.env), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	for _, key := range slices.Sorted(maps.Keys(g.Env)) {
		env = append(env, key+"="+g.Env[key])
	}
	if lookPath("go", b.env) == "" {
		return "", noGo(r.Image, "it is not in PATH")
	}
	tail := newTail(r.Output)
	err := run(ctx, command{argv: argv, dir: g.Dir, env: env, stdout: tail, stderr: tail})
	switch {
	case err == nil:
		return program, checkProgram(r.Image, program)
	case ctx.Err() != nil:
		return "", ctx.Err()
	case exitCode(err) < 0:
		return "", noGo(r.Image, err.Error())
	}
	return "", explainGo(r.Image, tail.String())
}

func noGo(image config.Image, why string) error {
	return &config.Problem{
		Message: fmt.Sprintf("building image %s failed: go cannot be run: %s", image.Ref, why),
		Hint:    "install Go (go.dev/dl), or see that it is in the PATH of the terminal that `towline up` is run in",
	}
}

// programName is the last part of the import path, or of the folder that it means.
func programName(g *config.GoBuild) string {
	if name := path.Base(path.Clean(g.ImportPath)); name != "." && name != ".." && name != "/" {
		return name
	}
	return filepath.Base(filepath.Join(g.Dir, filepath.FromSlash(g.ImportPath)))
}

// checkProgram tells a program from the archive that go build makes of a package.
func checkProgram(image config.Image, program string) error {
	file, err := os.Open(program)
	if err == nil {
		defer file.Close()
		magic := make([]byte, 7)
		if _, err = io.ReadFull(file, magic); err == nil && string(magic) != "!<arch>" {
			return nil
		}
	}
	return &config.Problem{
		Message: fmt.Sprintf("building image %s failed: %s is no program: go build made nothing that runs", image.Ref, image.Go.ImportPath),
		Hint:    "name a folder with `package main`",
	}
}

// goComplaint is a line of the compiler: "cmd/web/main.go:12:5: undefined: x".
var goComplaint = regexp.MustCompile(`(?m)^((?:\./|\.\./|/)?[^\s:]+\.go):(\d+):(?:(\d+):)? (.+?)\r?$`)

// explainGo turns the compiler's words into a problem, at the line that they name.
func explainGo(image config.Image, output string) error {
	p := &config.Problem{Pos: image.Pos, Hint: "the log of the build has all of go's words"}
	words := lastLine(output)
	if m := goComplaint.FindStringSubmatch(output); m != nil {
		file := filepath.FromSlash(m[1])
		if !filepath.IsAbs(file) {
			file = filepath.Join(image.Go.Dir, file)
		}
		line, _ := strconv.Atoi(m[2])
		col, _ := strconv.Atoi(m[3])
		p.Pos, words = config.Position{File: file, Line: line, Col: col}, m[4]
	}
	p.Message = fmt.Sprintf("building image %s failed: %s", image.Ref, firstOf(words, "go build gave no reason"))
	return p
}

// goBase reads the base image, for one platform.
func (b *builder) goBase(ctx context.Context, r Request, platform v1.Platform) (v1.Image, error) {
	base := r.Image.Go.Base
	if base == "" {
		base = defaultGoBase
	}
	if base == "scratch" {
		return nothing(platform)
	}
	if built, ok := builtOf(base, r.Bases); ok {
		base = built
	}
	ref, err := name.ParseReference(base)
	if err != nil {
		return nil, &config.Problem{Message: fmt.Sprintf("image %s: its base %q is not the name of an image: %v", r.Image.Ref, base, err)}
	}
	image, err := remote.Image(ref, b.remoteOptions(ctx, remote.WithPlatform(platform))...)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, whileAway(&config.Problem{
			Message: fmt.Sprintf("the base image %s of image %s cannot be had: %s", base, r.Image.Ref, notThere(base, err)),
			Hint:    "name one that can: towline.go_build(…, base='IMAGE'), or KO_DEFAULTBASEIMAGE and .ko.yaml for ko_build; base='scratch' needs none",
		}, noRegistry.MatchString(err.Error()))
	}
	return image, nil
}

// nothing is an image without files, for a platform.
func nothing(p v1.Platform) (v1.Image, error) {
	file, err := empty.Image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Variant = p.OS, p.Architecture, p.Variant
	return mutate.ConfigFile(empty.Image, file)
}

// onBase puts a program, and the folder kodata beside its source if there is one, onto
// a base.
func onBase(base v1.Image, program, data string) (v1.Image, error) {
	media := types.DockerLayer
	if kind, err := base.MediaType(); err == nil && kind == types.OCIManifestSchema1 {
		media = types.OCILayer
	}
	layers := []func() (v1.Layer, error){func() (v1.Layer, error) { return dataLayer(data, media) }, func() (v1.Layer, error) { return programLayer(program, media) }}
	for _, make := range layers {
		layer, err := make()
		if err == nil && layer != nil {
			base, err = mutate.Append(base, mutate.Addendum{Layer: layer, MediaType: media, History: v1.History{CreatedBy: "towline go build"}})
		}
		if err != nil {
			return nil, err
		}
	}
	file, err := base.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Config.Entrypoint, file.Config.Cmd = []string{"/" + path.Join(goFolder, filepath.Base(program))}, nil
	file.Config.Env = withPath(file.Config.Env, "/"+goFolder)
	file.Config.Env = append(file.Config.Env, "KO_DATA_PATH=/"+dataFolder)
	return mutate.ConfigFile(base, file)
}

// withPath is an environment whose PATH has one folder more.
func withPath(env []string, dir string) []string {
	env = slices.Clone(env)
	for i, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			env[i] = "PATH=" + value + ":" + dir
			return env
		}
	}
	return append(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"+dir)
}

// finishImage names an image of ours by its digest and delivers it.
func (b *builder) finishImage(ctx context.Context, image v1.Image, names Names, r Request) (Result, error) {
	digest, err := image.Digest()
	if err != nil {
		return Result{}, fmt.Errorf("making image %s: %w", r.Image.Ref, err)
	}
	local, cluster := names.Tagged(digestTag(digest.String()))
	if DeliveryFor(b.cluster) != Push {
		err = b.loadImage(ctx, local, image, r.Output)
	} else if b.inRegistry(ctx, local) {
		say(r.Output, "%s is in the registry already", local)
	} else {
		say(r.Output, "pushing %s", local)
		err = b.pushImage(ctx, local, image)
	}
	if err != nil {
		return Result{}, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return Result{}, fmt.Errorf("making image %s: %w", r.Image.Ref, err)
	}
	return Result{Ref: cluster, LocalRef: local, Digest: digest.String(), Config: settingsOf(file.Config, file.OS, file.Architecture, digest.String())}, nil
}

// pushImage pushes an image of ours.
func (b *builder) pushImage(ctx context.Context, ref string, image v1.Image) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return fmt.Errorf("naming an image: %w", err)
	}
	err = remote.Write(tag, image, b.remoteOptions(ctx)...)
	if err != nil && ctx.Err() == nil {
		return explainPush(ref, err.Error())
	}
	return ctx.Err()
}
