package scenario

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/scrip-dev/scrip/test/model"
)

// Scenario is a parsed file.
type Scenario struct {
	File     string
	Title    string
	Variants []Variant
}

// Variant is one story from an empty world: the lines before the first `variant` line, then its own.
type Variant struct {
	Name  string // empty if the file has no variants
	steps []step
}

// kind tells what a line is.
type kind int

const (
	command     kind = iota // changes the world, or asks a question
	answer                  // says what the command before must answer
	expectation             // says what must be seen now
)

// step is one line, with the table under it.
type step struct {
	line int
	text string
	kind kind
	play func(*player) string // returns what is wrong, or nothing
}

// Load reads and parses a file.
func Load(path string) (*Scenario, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(filepath.Base(path), string(src))
}

// Parse reads a scenario. A mistake is an *Error with file and line.
func Parse(file, src string) (s *Scenario, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			s, err = nil, r
		default:
			panic(r)
		}
	}()
	p := &parser{file: file, lines: strings.Split(src, "\n")}
	return p.parse(), nil
}

type parser struct {
	file  string
	lines []string
	at    int // index of the line under way
}

func (p *parser) parse() *Scenario {
	s := &Scenario{File: p.file}
	var given []step
	for ; p.at < len(p.lines); p.at++ {
		text := strings.TrimSpace(p.lines[p.at])
		switch {
		case text == "":
		case strings.HasPrefix(text, "#"):
			if s.Title == "" {
				s.Title = strings.TrimSpace(strings.TrimPrefix(text, "#"))
			}
		case strings.HasPrefix(text, "variant "):
			s.Variants = append(s.Variants, Variant{Name: strings.TrimPrefix(text, "variant "), steps: given[:len(given):len(given)]})
		default:
			steps := &given
			if n := len(s.Variants); n > 0 {
				steps = &s.Variants[n-1].steps
			}
			*steps = append(*steps, p.step(text))
		}
	}
	if len(s.Variants) == 0 {
		s.Variants = []Variant{{steps: given}}
	}
	p.checkShape(s)
	return s
}

// checkShape refuses a scenario that could pass by saying nothing.
func (p *parser) checkShape(s *Scenario) {
	for _, v := range s.Variants {
		n := len(v.steps)
		if n == 0 || v.steps[n-1].kind == command {
			panic(&Error{p.file, len(p.lines), "variant \"" + v.Name + "\" does not end with what must be seen"})
		}
		if v.steps[0].kind != command {
			panic(&Error{p.file, v.steps[0].line, "a scenario begins with a command"})
		}
	}
}

// step reads the line under way and the lines that belong to it.
func (p *parser) step(text string) step {
	w := &words{p.file, p.at + 1, wordPattern.FindAllString(text, -1)}
	st := step{line: w.line, text: text}
	verb := w.next("a command")
	switch {
	case verb == "plan":
		st.play = doing(p.plan(w))
	case verb == "expect":
		st.kind, st.play = expectation, p.expectation(w)
	case answers[verb] != nil:
		st.kind, st.play = answer, answers[verb](w)
		w.end()
	case questions[verb] != nil:
		st.play = questions[verb](w)
		w.end()
	case verb == "reserve" && strings.HasSuffix(w.peek(), "x"):
		st.play = readCrowd(w)
		w.end()
	case verb == "settle" && w.accept("each"):
		st.play = readSettleEach(w)
		w.end()
	case verbs[verb] != nil:
		st.play = doing(verbs[verb](w))
		w.end()
	default:
		w.fail("unknown command %q", verb)
	}
	return st
}

// doing plays a command.
func doing(c model.Command) func(*player) string {
	return func(p *player) string { return p.do(c) }
}

// plan reads a plan version with the map lines under it.
func (p *parser) plan(w *words) model.Command {
	c := readPlan(w)
	for p.at+1 < len(p.lines) {
		list := wordPattern.FindAllString(p.lines[p.at+1], -1)
		if len(list) == 0 || list[0] != "map" {
			break
		}
		p.at++
		c.Maps = append(c.Maps, readMapping(&words{p.file, p.at + 1, list[1:]}))
	}
	return *c
}

// table is the lines with | under an expectation: a heading and its rows.
type table struct {
	columns []string
	rows    [][]string
}

// table reads the table under the line under way.
func (p *parser) table(w *words) table {
	var t table
	for p.at+1 < len(p.lines) {
		text := strings.TrimSpace(p.lines[p.at+1])
		if !strings.HasPrefix(text, "|") {
			break
		}
		p.at++
		cells := strings.Split(strings.Trim(text, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case strings.Trim(text, "|-: ") == "": // the rule under a heading
		case t.columns == nil:
			t.columns = cells
		case len(cells) != len(t.columns):
			panic(&Error{p.file, p.at + 1, "this row has another number of cells than the heading"})
		default:
			t.rows = append(t.rows, cells)
		}
	}
	if t.columns == nil {
		w.fail("a table with a heading must follow")
	}
	return t
}
