package scenario

import (
	"fmt"
	"strings"
	"sync"

	"github.com/scrip-dev/scrip/test/model"
)

// Failure is a line that did not come true.
type Failure struct {
	File    string
	Line    int
	Variant string
	Text    string
	Message string
}

func (f Failure) String() string {
	where := fmt.Sprintf("%s:%d", f.File, f.Line)
	if f.Variant != "" {
		where += " (variant " + f.Variant + ")"
	}
	return fmt.Sprintf("%s: %s\n    %s", where, f.Text, f.Message)
}

// ErrUnsupported says that a driver cannot play a scenario at all. Line is the first one it cannot do.
type ErrUnsupported struct {
	File string
	Line int
	Text string
}

func (e *ErrUnsupported) Error() string {
	return fmt.Sprintf("%s:%d: this driver cannot do: %s", e.File, e.Line, e.Text)
}

// Play plays a variant on a driver whose world is empty and lists every line that did not come true. It stops with
// *ErrUnsupported where the driver cannot go on.
func (s *Scenario) Play(v Variant, d Driver) ([]Failure, error) {
	p := &player{driver: d}
	var failures []Failure
	fail := func(st step, message string) {
		failures = append(failures, Failure{s.File, st.line, v.Name, st.text, message})
	}
	for i, st := range v.steps {
		if st.kind != answer {
			if i > 0 && len(p.open) > 0 {
				fail(v.steps[i-1], "nobody wrote down the answer: "+p.described())
			}
			p.open = nil
		}
		if message := st.play(p); message != "" {
			fail(st, message)
		}
		if p.open["refused"] == model.Unsupported {
			return failures, &ErrUnsupported{s.File, st.line, st.text}
		}
	}
	if len(p.open) > 0 {
		fail(v.steps[len(v.steps)-1], "nobody wrote down the answer: "+p.described())
	}
	return failures, nil
}

// player is the state of a play.
type player struct {
	driver Driver
	open   map[string]string  // what the last command answered and no line has announced yet
	crowd  []model.Reserve    // the reservations of the last crowd that were held
	told   map[model.Pool]int // messages that a line has compared
}

func (p *player) do(c model.Command) string {
	p.open = announce(p.driver.Do(c))
	return ""
}

// readCrowd reads `reserve 20x H 75`: twenty reservations H1 to H20 at once, as far as the driver can. The answer is
// `held 6 refused 14`.
func readCrowd(w *words) func(*player) string {
	count := strings.TrimSuffix(w.next("how many"), "x")
	n := (&words{w.file, w.line, []string{count}}).integer("the count")
	one := readReserve(w).(model.Reserve)
	return func(p *player) string {
		outcomes := make([]model.Outcome, n)
		all := make([]model.Reserve, n)
		var wait sync.WaitGroup
		for i := range n {
			all[i] = one
			all[i].Ref = fmt.Sprintf("%s%d", one.Ref, i+1)
			wait.Go(func() { outcomes[i] = p.driver.Do(all[i]) })
		}
		wait.Wait()
		return p.count(all, outcomes)
	}
}

func (p *player) count(all []model.Reserve, outcomes []model.Outcome) string {
	p.crowd = nil
	refused := 0
	for i, o := range outcomes {
		switch o.Refused {
		case "":
			p.crowd = append(p.crowd, all[i])
		case model.Insufficient:
			refused++
		default:
			return "a reservation was refused with " + o.Refused
		}
	}
	p.open = map[string]string{"held": fmt.Sprintf("%d refused %d", len(p.crowd), refused)}
	return ""
}

// readSettleEach reads `settle each 60`: every reservation of the crowd that was held.
func readSettleEach(w *words) func(*player) string {
	amount := w.amount("the amount")
	return func(p *player) string {
		if len(p.crowd) == 0 {
			return "no reservation of a crowd is held"
		}
		for _, r := range p.crowd {
			if o := p.driver.Do(model.Settle{Ref: r.Ref, Pool: r.Pool, Amount: amount}); o.Refused != "" {
				return r.Ref + " was refused with " + o.Refused
			}
		}
		return ""
	}
}
