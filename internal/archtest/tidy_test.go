package archtest

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Limits of length. A function fits a screen; a file is one subject. Tests get longer tables.
const (
	functionLinesMax = 70
	fileLinesMax     = 400
	testFileLinesMax = 600
)

// vagueNames say nothing about what a package is for, so everything ends up in them.
var vagueNames = []string{"utils", "util", "common", "helpers", "helper", "types", "models", "misc", "shared"}

// exactPackages count credits; a float would lose some.
var exactPackages = []string{"amount", "ledger", "rating", "engine", "credits"}

// clockReads are the functions of package time that look at the wall clock.
var clockReads = []string{"Now", "Since", "Until"}

// openWorkMark finds marks of unfinished work; openWorkIssue is how they must go on.
var (
	openWorkMark  = regexp.MustCompile(`\b(TODO|FIXME)\b`)
	openWorkIssue = regexp.MustCompile(`\b(TODO|FIXME) ?\(?#[0-9]+`)
)

// foreignPlace finds folders of somebody's machine and hosts of package registries: neither means anything elsewhere.
// The names are taken apart so that this file does not contain them.
var foreignPlace = regexp.MustCompile(
	`(?:^|[^\w.$}-])/(?:work|farm|home|root|tmp|Users)/` +
		`|\.\./shared\b` +
		`|proxy\.golang` + `\.org|sum\.golang` + `\.org|registry\.npmjs` + `\.org|deb\.debian` + `\.org`)

// functionLength refuses functions that do not fit a screen. Lines of tables and of long texts do not count.
func functionLength(s source) []violation {
	if s.Syntax == nil || s.isGenerated() {
		return nil
	}
	var found []violation
	ast.Inspect(s.Syntax, func(node ast.Node) bool {
		name, body := functionOf(node)
		if body == nil {
			return true
		}
		if length := s.statementLines(body); length > functionLinesMax {
			found = append(found, s.broken("function-length", s.line(body.Pos()),
				"%s has %d lines; over %d nobody holds it in mind at once", name, length, functionLinesMax))
			return false
		}
		return true
	})
	return found
}

// functionOf answers the name and body of a function, or a nil body for any other node.
func functionOf(node ast.Node) (string, *ast.BlockStmt) {
	switch f := node.(type) {
	case *ast.FuncDecl:
		return f.Name.Name, f.Body
	case *ast.FuncLit:
		return "a function literal", f.Body
	}
	return "", nil
}

// statementLines counts the lines between the braces of body, without the inner lines of composite literals and of texts
// that span lines. Functions inside a literal count again: they are code.
func (s source) statementLines(body *ast.BlockStmt) int {
	first, last := s.line(body.Lbrace)+1, s.line(body.Rbrace)-1
	if last < first {
		return 0
	}
	counts := make([]bool, last+1)
	mark := func(from, to int, value bool) {
		for line := max(from, first); line <= min(to, last); line++ {
			counts[line] = value
		}
	}
	mark(first, last, true)
	// Inspect visits parents first, so a function inside a literal is marked after the literal around it.
	ast.Inspect(body, func(node ast.Node) bool {
		switch inner := node.(type) {
		case *ast.CompositeLit:
			mark(s.line(inner.Lbrace)+1, s.line(inner.Rbrace)-1, false)
		case *ast.BasicLit:
			mark(s.line(inner.Pos())+1, s.line(inner.End())-1, false)
		case *ast.FuncLit:
			mark(s.line(inner.Body.Lbrace)+1, s.line(inner.Body.Rbrace)-1, true)
		}
		return true
	})
	total := 0
	for _, counted := range counts {
		if counted {
			total++
		}
	}
	return total
}

// fileLength refuses source files that hold more than one subject.
func fileLength(s source) []violation {
	if s.isGenerated() || !slices.Contains([]string{".go", ".sh", ".ts", ".tsx"}, path.Ext(s.Path)) {
		return nil
	}
	limit := fileLinesMax
	if s.isTest() {
		limit = testFileLinesMax
	}
	if length := strings.Count(s.Text, "\n"); length > limit {
		return []violation{s.broken("file-length", 0, "%d lines; over %d it holds more than one subject", length, limit)}
	}
	return nil
}

// clock refuses to read the wall clock under internal: every instant is an argument, so that environments can have clocks
// of their own and tests decide what time it is. Tests may measure how long something took.
func clock(s source) []violation {
	if s.Syntax == nil || s.isTest() || !s.within("internal") {
		return nil
	}
	var found []violation
	ast.Inspect(s.Syntax, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok || !slices.Contains(clockReads, selector.Sel.Name) {
			return true
		}
		if name, ok := selector.X.(*ast.Ident); ok && name.Name == s.importName("time") {
			found = append(found, s.broken("clock", s.line(selector.Pos()),
				"time.%s: only cmd reads the clock; take the instant, or a Now field", selector.Sel.Name))
		}
		return true
	})
	return found
}

// randomness refuses random numbers under internal: cmd hands them in, so that a failing test can be repeated.
func randomness(s source) []violation {
	if s.Syntax == nil || s.isTest() || !s.within("internal") || slices.ContainsFunc(testFolders, s.within) {
		return nil
	}
	return s.imports("randomness", func(imported string) string {
		if below(imported, "math/rand") || below(imported, "crypto/rand") {
			return imported + ": only cmd draws random numbers; take a source of them"
		}
		return ""
	})
}

// importName answers the name under which the file knows an import, or "" when it does not import it.
func (s source) importName(imported string) string {
	for _, spec := range s.Syntax.Imports {
		if spec.Path.Value != `"`+imported+`"` {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(imported)
	}
	return ""
}

// packageNames refuses names that say nothing.
func packageNames(s source) []violation {
	if s.Syntax == nil {
		return nil
	}
	name := strings.TrimSuffix(s.Syntax.Name.Name, "_test")
	if slices.Contains(vagueNames, name) {
		return []violation{s.broken("package-name", s.line(s.Syntax.Name.Pos()),
			"package %s: name it for what it is about, or everything ends up in it", name)}
	}
	return nil
}

// floats refuses binary fractions where credits are counted.
func floats(s source) []violation {
	if s.Syntax == nil || s.isTest() || !slices.Contains(exactPackages, internalLayer(s.Path)) {
		return nil
	}
	var found []violation
	ast.Inspect(s.Syntax, func(node ast.Node) bool {
		if name, ok := node.(*ast.Ident); ok && (name.Name == "float32" || name.Name == "float64") {
			found = append(found, s.broken("floats", s.line(name.Pos()), "%s: credits are exact; use amount.Amount", name.Name))
		}
		return true
	})
	return found
}

// openWork refuses marks of unfinished work that nobody can look up. Prose may talk about them.
func openWork(s source) []violation {
	if path.Ext(s.Path) == ".md" {
		return nil
	}
	var found []violation
	judge := func(line int, text string) {
		if openWorkMark.MatchString(text) && !openWorkIssue.MatchString(text) {
			found = append(found, s.broken("open-work", line, "unfinished work names its issue, as in #12, or is not mentioned"))
		}
	}
	if s.Syntax == nil {
		s.lines(judge)
		return found
	}
	for _, group := range s.Syntax.Comments {
		for _, comment := range group.List {
			judge(s.line(comment.Pos()), comment.Text)
		}
	}
	return found
}

// foreignPlaces refuses what is true on one machine only.
func foreignPlaces(s source) []violation {
	var found []violation
	s.lines(func(number int, line string) {
		if place := foreignPlace.FindString(line); place != "" {
			found = append(found, s.broken("foreign-place", number, "%q means nothing on another machine", strings.TrimSpace(place)))
		}
	})
	return found
}
