package ide

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/syntax"
)

// stepRank is the place of each live-update step in the order that Tilt asks.
var stepRank = map[string]int{"initial_sync": 1, "fall_back_on": 2, "sync": 3, "run": 4, "restart_container": 5}

// builtinCall checks what only some built-ins have.
func (c *checker) builtinCall(call *syntax.CallExpr, e *decl.Entry) {
	switch e.Name {
	case "docker_build", "custom_build", "k8s_custom_deploy":
		if list, ok := namedArg(call, "live_update").(*syntax.ListExpr); ok {
			c.liveUpdate(call, e.Name, list)
		}
	}
}

// namedArg returns the argument of that name.
func namedArg(call *syntax.CallExpr, name string) syntax.Expr {
	for _, a := range call.Args {
		if a.Name != nil && a.Name.Name == name {
			return a.X
		}
	}
	return nil
}

// liveUpdate checks the steps of a live update that are written out.
func (c *checker) liveUpdate(call *syntax.CallExpr, fn string, list *syntax.ListExpr) {
	last, lastName := 0, ""
	inOrder := c.stepsInOrder(list)
	for _, x := range list.List {
		step, ok := x.(*syntax.CallExpr)
		if !ok {
			continue
		}
		name := c.builtin(step.Fn)
		rank := stepRank[name]
		switch {
		case rank == 0:
			continue
		case rank < last:
			d := c.add(step.Span(), CodeLiveOrder, "%s must come before %s", name, lastName)
			if len(inOrder) > 0 {
				d.Fixes = append(d.Fixes, Fix{"Put the steps in order", inOrder, true})
			}
		case rank == last && name == "initial_sync":
			c.add(step.Span(), CodeLiveOrder, "initial_sync may stand only once")
		case rank == last && name == "restart_container":
			c.add(step.Span(), CodeLiveOrder, "restart_container may stand only once, at the end")
		}
		if rank >= last {
			last, lastName = rank, name
		}
		if name == "sync" {
			c.syncSource(call, fn, step)
		}
		if name == "restart_container" && c.f.Builtins["docker_compose"] == nil && c.f.Builtins["k8s_yaml"] != nil && len(c.f.Loads) == 0 {
			c.add(step.Span(), CodeRestart, "Tilt refuses restart_container() for Kubernetes; Towline does it")
		}
	}
}

// stepsInOrder returns the edits that put the steps of a list in order, none
// when that cannot be done by moving their texts.
func (c *checker) stepsInOrder(list *syntax.ListExpr) []Edit {
	type ranked struct {
		rank int
		text string
	}
	var steps []ranked
	for _, x := range list.List {
		step, ok := x.(*syntax.CallExpr)
		if !ok || stepRank[c.builtin(step.Fn)] == 0 {
			return nil
		}
		steps = append(steps, ranked{stepRank[c.builtin(step.Fn)], c.f.Text(step)})
	}
	for _, comment := range c.f.Comments {
		if list.Start <= comment.Start && comment.End <= list.End {
			return nil // it would stay where it is
		}
	}
	slices.SortStableFunc(steps, func(a, b ranked) int { return a.rank - b.rank })
	var edits []Edit
	for i, x := range list.List {
		if steps[i].text != c.f.Text(x) {
			edits = append(edits, Edit{c.f.Name, x.Span(), steps[i].text})
		}
	}
	return edits
}

// syncPath reports a sync whose local path lies outside of the image's context, and
// whether it does. Only paths that are written out can be compared, and only in a file
// that builds nothing else: the path may lie in the context of a base image.
func (c *checker) syncPath(build *syntax.CallExpr, local *syntax.Literal) bool {
	if c.builds() != 1 || len(c.f.Loads) > 0 {
		return false
	}
	context := infer.Argument(build, 1, "context")
	if context == nil || filepath.IsAbs(context.Value) != filepath.IsAbs(local.Value) {
		return false
	}
	if strings.ContainsAny(context.Value+local.Value, "~$") {
		return false
	}
	rel, err := filepath.Rel(filepath.Clean(context.Value), filepath.Clean(local.Value))
	outside := err == nil && (rel == ".." || strings.HasPrefix(rel, "../")) && !strings.HasPrefix(filepath.Clean(context.Value), "..")
	if outside {
		c.add(local.Span(), CodeSyncOutside, "%s is not within the context %s, so its changes are not seen", local.Value, context.Value)
	}
	return outside
}

// builds returns how often the file speaks of what builds images.
func (c *checker) builds() int {
	n := 0
	for _, name := range []string{"docker_build", "custom_build", "docker_compose"} {
		if b := c.f.Builtins[name]; b != nil {
			n += len(b.Uses)
		}
	}
	return n
}

// images checks what concerns the statements of the top level together.
func (c *checker) images() {
	seen := map[string]*syntax.Literal{}
	for _, st := range c.f.Stmts() {
		call := callOfStmt(st)
		if call == nil {
			continue
		}
		name := c.builtin(call.Fn)
		if stepRank[name] > 0 {
			c.add(call.Span(), CodeUnusedStep, "this %s has no effect: a step belongs in a live_update list", name)
		}
		if name != "docker_build" && name != "custom_build" {
			continue
		}
		ref := infer.Argument(call, 0, "ref")
		if ref == nil {
			continue
		}
		if first := seen[ref.Value]; first != nil {
			d := c.add(ref.Span(), CodeDuplicateImage, "image %s is declared twice", ref.Value)
			d.Related = append(d.Related, Related{Location{c.f.Name, first.Span()}, "the first declaration"})
			continue
		}
		seen[ref.Value] = ref
	}
}

// argRole checks strings by what they name.
func (c *checker) argRole(a *syntax.Arg, sig *infer.Signature, param int) {
	roles := sig.RolesOf(param)
	if len(roles) == 0 || sig.Params[param].Name == "kustomize_bin" { // a program, which may lie in the PATH
		return
	}
	for _, x := range elements(a.X) {
		lit, ok := x.(*syntax.Literal)
		if !ok {
			continue
		}
		c.literalRoles(lit, roles, sig.Name)
		if sig.Params[param].Name == "deps" && slices.Contains(roles, decl.RolePath) {
			c.madeLater(lit, "nothing changes there")
		}
	}
}

func (c *checker) literalRoles(lit *syntax.Literal, roles []decl.Role, fn string) {
	for _, role := range roles {
		c.literalRole(lit, role, fn)
	}
}

// elements returns the elements of a list or tuple, or the expression itself.
func elements(x syntax.Expr) []syntax.Expr {
	switch x := syntax.Unparen(x).(type) {
	case *syntax.ListExpr:
		return x.List
	case *syntax.TupleExpr:
		return x.List
	default:
		return []syntax.Expr{x}
	}
}

func (c *checker) literalRole(lit *syntax.Literal, role decl.Role, fn string) {
	switch role {
	case decl.RolePort:
		c.port(lit)
	case decl.RoleResource:
		c.knownResource(lit)
	case decl.RoleWorkload:
		c.knownWorkload(lit)
	case decl.RoleFile, decl.RoleDir:
		c.fileExists(lit, role, fn)
	}
}

// port checks a port, or a forward written as text.
func (c *checker) port(lit *syntax.Literal) {
	if lit.Kind == syntax.INT {
		if n, err := strconv.Atoi(lit.Raw); err == nil && n <= 65535 {
			return // as nearly all are, and this needs no big number
		}
		if n := lit.Int(); n != nil && (n.Sign() < 0 || !n.IsInt64() || n.Int64() > 65535) {
			c.add(lit.Span(), CodePort, "%s is no port: the largest is 65535", lit.Raw)
		}
		return
	}
	if lit.Kind != syntax.STRING {
		return
	}
	parts := strings.Split(lit.Value, ":")
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err == nil && (n < 0 || n > 65535) && (i > 0 || len(parts) < 3) {
			c.add(lit.Span(), CodePort, "%s is no port: the largest is 65535", part)
		}
	}
}
