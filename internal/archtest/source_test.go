package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// source is one file of the repository. Syntax is nil unless it is Go.
type source struct {
	Path   string // from the repository's root, with slashes
	Text   string
	Files  *token.FileSet
	Syntax *ast.File
}

// violation is one place that breaks a rule.
type violation struct {
	Rule string // the name of the rule, as allowed spells it
	Path string
	Line int    // 0 for the whole file
	Why  string // what is wrong, and the reason for the rule
}

func (v violation) String() string {
	return fmt.Sprintf("%s:%d: [%s] %s", v.Path, v.Line, v.Rule, v.Why)
}

// rule finds the violations of one rule in one file.
type rule func(source) []violation

// rules is every rule there is. Each has cases in rules_test.go.
var rules = []rule{
	layering, purity, testOnly, sqlInStore,
	functionLength, fileLength, clock, randomness, packageNames, floats, openWork, foreignPlaces,
	documentation,
}

// textEndings are the files that the rules read. Others (data, images) are nobody's prose.
var textEndings = []string{".go", ".md", ".sh", ".sql", ".yaml", ".yml", ".json", ".mod", ".txt", ".ts", ".tsx", ".js", ".css", ".html"}

// textNames are files without a telling ending that the rules read.
var textNames = []string{"Makefile", "run", ".gitignore", ".gitattributes"}

// ignoredFolders hold what builds, runs and fuzzing leave behind: the first by their path, the others wherever they are.
var (
	ignoredFolders     = []string{"bin", "data", "scrip-data"}
	ignoredFolderNames = []string{".git", "node_modules", "dist", "fuzz"}
)

// sizeMax keeps recorded data out of the text rules.
const sizeMax = 1 << 20

// repository reads every source file from the root down.
func repository(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains(ignoredFolders, relative) || slices.Contains(ignoredFolderNames, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !isText(entry) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(relative), string(text))
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// isText reports whether the rules read a file.
func isText(entry fs.DirEntry) bool {
	info, err := entry.Info()
	if err != nil || !info.Mode().IsRegular() || info.Size() > sizeMax {
		return false
	}
	return slices.Contains(textEndings, path.Ext(entry.Name())) || slices.Contains(textNames, entry.Name())
}

// parse makes a source of a text. It fails on Go that does not parse.
func parse(name, text string) (source, error) {
	s := source{Path: name, Text: text}
	if path.Ext(name) != ".go" {
		return s, nil
	}
	s.Files = token.NewFileSet()
	var err error
	s.Syntax, err = parser.ParseFile(s.Files, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

func (s source) isTest() bool { return strings.HasSuffix(s.Path, "_test.go") }

func (s source) isGenerated() bool { return strings.Contains(path.Base(s.Path), ".gen.") }

// within reports whether the file is in folder or below it.
func (s source) within(folder string) bool { return strings.HasPrefix(s.Path, folder+"/") }

// line answers the line of a node.
func (s source) line(at token.Pos) int { return s.Files.Position(at).Line }

// broken makes a violation at a place in the file.
func (s source) broken(rule string, line int, format string, values ...any) violation {
	return violation{Rule: rule, Path: s.Path, Line: line, Why: fmt.Sprintf(format, values...)}
}

// lines calls visit with each line of the text, counting from 1.
func (s source) lines(visit func(number int, line string)) {
	number := 0
	for line := range strings.Lines(s.Text) {
		number++
		visit(number, line)
	}
}
