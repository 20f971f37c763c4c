package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/test/model"
)

// answers read the lines that say what the command before them answered. Whatever a driver answers besides plain
// success has to be announced; see player.open.
var answers = map[string]func(*words) func(*player) string{
	"refused": func(w *words) func(*player) string { return announcing("refused", w) },
	"warned":  func(w *words) func(*player) string { return announcing("warned", w) },
	"duplicate": func(w *words) func(*player) string {
		return announcing("duplicate", w)
	},
	"mismatch":    func(w *words) func(*player) string { return announcing("mismatch", w) },
	"unmapped":    func(w *words) func(*player) string { return announcing("unmapped", w) },
	"quarantined": func(w *words) func(*player) string { return announcing("quarantined", w) },
	"costs":       func(w *words) func(*player) string { return announcing("costs", w) },
	"yes":         func(w *words) func(*player) string { return announcing("yes", w) },
	"no":          func(w *words) func(*player) string { return announcing("no", w) },
	"held":        func(w *words) func(*player) string { return announcing("held", w) },
}

// announcing plays an answer line: the driver must have answered that, with those details if any are written.
func announcing(what string, w *words) func(*player) string {
	var details []string
	for w.more() {
		word := w.next("a detail")
		if amountPattern.MatchString(word) {
			word = model.Canonical(word)
		}
		details = append(details, word)
	}
	want := strings.Join(details, " ")
	return func(p *player) string {
		got, ok := p.open[what]
		switch {
		case !ok:
			return fmt.Sprintf("not so; the answer was: %s", p.described())
		case want != "" && want != got:
			return fmt.Sprintf("the answer was: %s %s", what, got)
		case want == "" && needsDetails[what]:
			return fmt.Sprintf("say the whole answer: %s %s", what, got)
		}
		delete(p.open, what)
		return ""
	}
}

// needsDetails are the answers that a bare word does not settle.
var needsDetails = map[string]bool{"costs": true, "yes": true, "no": true, "held": true}

// described lists what the last command answered.
func (p *player) described() string {
	if len(p.open) == 0 {
		return "plain success"
	}
	var list []string
	for what, detail := range p.open {
		list = append(list, strings.TrimSpace(what+" "+detail))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// announce collects what a later line has to announce about an outcome.
func announce(o model.Outcome) map[string]string {
	open := map[string]string{}
	if o.Refused != "" {
		open["refused"] = o.Refused
	}
	if o.Duplicate {
		open["duplicate"] = ""
	}
	if o.Mismatch {
		open["mismatch"] = ""
	}
	if o.State == model.Unmapped || o.State == model.Quarantined {
		if !o.Duplicate {
			open[strings.ToLower(o.State)] = ""
		}
	}
	if len(o.Warnings) > 0 && !o.Duplicate {
		open["warned"] = strings.Join(o.Warnings, " ")
	}
	if o.Cost.Amount != "" {
		open["costs"] = model.Canonical(o.Cost.Amount) + " " + o.Cost.Currency
	}
	return open
}

// questions read the commands that change nothing and must be followed by their answer.
var questions = map[string]func(*words) func(*player) string{
	"check":    readCheck,
	"estimate": readEstimate,
}

// readCheck reads `check [requested N] [soft]`; the answer is `yes limit L current C remaining R` or
// `no REASON limit L current C remaining R`.
func readCheck(w *words) func(*player) string {
	q := model.CheckQuery{Pool: model.Pool{Currency: model.DefaultCurrency}}
	for w.more() {
		switch {
		case w.accept("requested"):
			q.Requested = w.amount("the requested amount")
		case w.accept("soft"):
			q.Soft = true
		case w.pool(&q.Pool):
		default:
			w.end()
		}
	}
	return func(p *player) string {
		a := p.driver.Check(q)
		figures := fmt.Sprintf("limit %s current %s remaining %s", a.Limit, a.Current, a.Remaining)
		if a.Granted {
			p.open = map[string]string{"yes": figures}
		} else {
			p.open = map[string]string{"no": a.Reason + " " + figures}
		}
		return ""
	}
}

// readEstimate reads `estimate NAME key KEY dims …`; the answer is `costs N balance B after A`, with `overdraft` at the
// end if it would be one.
func readEstimate(w *words) func(*player) string {
	c, ok := readEvent(w).(model.ReportEvent)
	if !ok {
		w.fail("estimate takes an event with a name and a key")
	}
	return func(p *player) string {
		e := p.driver.Estimate([]model.ReportEvent{c})
		text := fmt.Sprintf("%s balance %s after %s", e.Total, e.Balance, e.After)
		if e.Overdraft {
			text += " overdraft"
		}
		p.open = map[string]string{"costs": text}
		return ""
	}
}
