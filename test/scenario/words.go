package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-dev/scrip/test/model"
)

// Error is a mistake in a scenario file.
type Error struct {
	File    string
	Line    int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }

// words reads one line. Its methods panic with *Error on a mistake; Parse recovers it.
type words struct {
	file string
	line int
	list []string
}

var wordPattern = regexp.MustCompile(`[^\s"]*"(?:[^"\\]|\\.)*"(?:,"(?:[^"\\]|\\.)*")*|\S+`)

func (w *words) fail(format string, args ...any) {
	panic(&Error{w.file, w.line, fmt.Sprintf(format, args...)})
}

func (w *words) more() bool { return len(w.list) > 0 }

func (w *words) peek() string {
	if !w.more() {
		return ""
	}
	return w.list[0]
}

// next takes a word; what says what is missing when there is none.
func (w *words) next(what string) string {
	if !w.more() {
		w.fail("%s is missing", what)
	}
	s := w.list[0]
	w.list = w.list[1:]
	return s
}

// accept takes the next word if it is that one.
func (w *words) accept(word string) bool {
	if w.peek() != word {
		return false
	}
	w.list = w.list[1:]
	return true
}

func (w *words) expect(word string) {
	if !w.accept(word) {
		w.fail("expected %q, found %q", word, w.peek())
	}
}

func (w *words) end() {
	if w.more() {
		w.fail("do not understand %q", w.peek())
	}
}

var amountPattern = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)

// amount takes a decimal and returns it in its shortest exact form.
func (w *words) amount(what string) string {
	s := w.next(what)
	if !amountPattern.MatchString(s) {
		w.fail("%s must be a decimal, found %q", what, s)
	}
	return model.Canonical(s)
}

func (w *words) integer(what string) int {
	n, err := strconv.Atoi(w.next(what))
	if err != nil {
		w.fail("%s must be a whole number", what)
	}
	return n
}

func (w *words) duration(what string) time.Duration {
	d, err := time.ParseDuration(w.next(what))
	if err != nil {
		w.fail("%s must be a duration like 1h or 30m", what)
	}
	return d
}

// instant takes a date, and a time of day if one follows; without one it is 00:00.
func (w *words) instant(what string) time.Time {
	day, err := time.Parse("2006-01-02", w.next(what))
	if err != nil {
		w.fail("%s must be a date like 2026-03-01, with or without a time like 15:04:05.000001", what)
	}
	if !strings.Contains(w.peek(), ":") {
		return day
	}
	text := w.next(what)
	layout := "15:04:05.999999"
	if strings.Count(text, ":") == 1 {
		layout = "15:04"
	}
	clock, err := time.Parse(layout, text)
	if err != nil {
		w.fail("%q is not a time of day", text)
	}
	return day.Add(clock.Sub(clock.Truncate(24 * time.Hour)))
}

// text takes a quoted text, or a bare word.
func (w *words) text(what string) string { return w.unquote(w.next(what)) }

func (w *words) unquote(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	u, err := strconv.Unquote(s)
	if err != nil {
		w.fail("bad text %s", s)
	}
	return u
}

// pool takes the clauses `currency C` and `resource R`; ok is false if the next word begins neither.
func (w *words) pool(p *model.Pool) (ok bool) {
	switch {
	case w.accept("currency"):
		p.Currency = w.next("the credit type")
	case w.accept("resource"):
		p.Resource = w.next("the resource")
	default:
		return false
	}
	return true
}

// onlyPool takes pool clauses up to the end of the line.
func (w *words) onlyPool() model.Pool {
	p := model.Pool{Currency: model.DefaultCurrency}
	for w.pool(&p) {
	}
	w.end()
	return p
}

func (w *words) money() model.Money {
	amount := w.amount("the cost")
	return model.Money{Amount: amount, Currency: strings.ToLower(w.next("the currency"))}
}

// dims takes key=value words: a quoted value is a text, true and false are truth values, anything else is a number.
func (w *words) dims() []model.Dim {
	var list []model.Dim
	for {
		key, value, ok := strings.Cut(w.peek(), "=")
		if !ok {
			break
		}
		w.next("a dimension")
		d := model.Dim{Key: key, Kind: model.Number, Text: value}
		switch {
		case strings.HasPrefix(value, `"`):
			d.Kind, d.Text = model.Text, w.unquote(value)
		case value == "true" || value == "false":
			d.Kind = model.Bool
		case !numberPattern.MatchString(value):
			w.fail("dimension %s must be a number, a truth value or a quoted text", key)
		}
		list = append(list, d)
	}
	if len(list) == 0 {
		w.fail("dims need key=value")
	}
	return list
}

var numberPattern = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
