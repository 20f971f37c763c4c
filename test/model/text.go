package model

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// FormatTime writes an instant as the scenario language does: as short as possible, UTC.
func FormatTime(t time.Time) string {
	t = t.UTC()
	if t.Second() == 0 && t.Nanosecond() == 0 {
		return t.Format("2006-01-02 15:04")
	}
	return t.Format("2006-01-02 15:04:05.999999")
}

// line joins the words of a command, leaving out empty ones.
func line(words ...string) string {
	kept := words[:0]
	for _, w := range words {
		if w != "" {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

// clause is a keyword with its value, or nothing when there is no value.
func clause(keyword, value string) string {
	if value == "" {
		return ""
	}
	return keyword + " " + value
}

func timeClause(keyword string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return keyword + " " + FormatTime(t)
}

func flag(set bool, word string) string {
	if set {
		return word
	}
	return ""
}

func (p Pool) clause() string {
	currency := p.Currency
	if currency == DefaultCurrency {
		currency = ""
	}
	return line(clause("currency", currency), clause("resource", p.Resource))
}

func (m Money) clause() string {
	if m.Amount == "" {
		return ""
	}
	return "cost " + m.Amount + " " + m.Currency
}

func durationClause(keyword string, d time.Duration) string {
	if d == 0 {
		return ""
	}
	return keyword + " " + d.String()
}

func (c MoveClock) String() string { return "at " + FormatTime(c.To) }

func (c AddGrant) String() string {
	return line("grant", c.Ref, c.Amount, strings.ToLower(string(c.Kind)), "priority", strconv.Itoa(c.Priority),
		timeClause("effective", c.EffectiveAt), timeClause("expires", c.ExpireAt), c.Cost.clause(),
		flag(c.AwaitsPayment, "awaiting payment"), c.Pool.clause())
}

func (c ReportEvent) String() string {
	return line("event", c.Name, "key", c.Key, dimsClause(c.Dims), timeClause("at", c.At), clause("resource", c.Resource))
}

func dimsClause(dims []Dim) string {
	if len(dims) == 0 {
		return ""
	}
	words := []string{"dims"}
	for _, d := range dims {
		text := d.Text
		if d.Kind == Text {
			text = strconv.Quote(text)
		}
		words = append(words, d.Key+"="+text)
	}
	return line(words...)
}

func (c Consume) String() string {
	return line("event", c.Key, "costs", c.Amount, clause("feature", c.Feature), flag(c.Strict, "strict"),
		timeClause("at", c.At), c.Pool.clause())
}

func (c VoidGrant) String() string      { return line("void", c.Ref, overdraftPool(c.Ref, c.Pool)) }
func (c ConfirmPayment) String() string { return "paid " + c.Ref }
func (c FailPayment) String() string    { return "unpaid " + c.Ref }

// String is a line that begins with renew when there is a new block, else with cancel.
func (c Turn) String() string {
	words := []string{"cancel", timeClause("at", c.At)}
	if c.Block.Ref != "" {
		b := c.Block
		words = []string{"renew", b.Ref, b.Amount, strings.ToLower(string(b.Kind)), "priority", strconv.Itoa(b.Priority),
			timeClause("at", c.At), timeClause("until", b.ExpireAt), b.Cost.clause()}
	}
	for _, r := range c.Rolls {
		words = append(words, "rolls", r.Ref, "as", r.As, "max", r.Max, timeClause("until", r.Until))
	}
	for _, ref := range c.Ends {
		words = append(words, "ends", ref)
	}
	for _, ref := range c.Voids {
		words = append(words, "voids", ref)
	}
	return line(append(words, flag(c.Forgive, "forgive"), c.Pool.clause())...)
}

func (c SetThresholds) String() string {
	return strings.TrimSuffix("thresholds "+strings.Join(c.Remaining, " ")+" grants "+strings.Join(c.Consumed, " "), " grants ")
}

func (c SetGrace) String() string { return "grace " + c.Grace.String() }

func (c UpdateGrant) String() string {
	words := []string{"update", c.Ref}
	if c.Amount != nil {
		words = append(words, "amount", *c.Amount)
	}
	if c.Priority != nil {
		words = append(words, "priority", strconv.Itoa(*c.Priority))
	}
	if c.EffectiveAt != nil {
		words = append(words, "effective", FormatTime(*c.EffectiveAt))
	}
	if c.ExpireAt != nil {
		words = append(words, "expires", FormatTime(*c.ExpireAt))
	}
	if c.Cost != nil {
		words = append(words, c.Cost.clause())
	}
	return line(append(words, overdraftPool(c.Ref, c.Pool))...)
}

// overdraftPool is needed to name an overdraft: every pool has its own OD1.
func overdraftPool(ref string, p Pool) string {
	if !strings.HasPrefix(ref, "OD") {
		return ""
	}
	return p.clause()
}

func (c Reserve) String() string {
	return line("reserve", c.Ref, c.Amount, durationClause("for", c.TTL), flag(c.AllowOverdraft, "overdraft"),
		flag(c.Capture, "capture"), c.Pool.clause())
}

func (c Settle) String() string {
	return line("settle", c.Ref, c.Amount, flag(c.Partial, "partly"), durationClause("for", c.Extend), c.Pool.clause())
}

func (c Release) String() string { return line("release", c.Ref, c.Pool.clause()) }

func (c Reverse) String() string {
	what := line(c.Name, "key", c.Key)
	if c.Name == "" {
		what = c.Key
	}
	return line("reverse", what, clause("replace", c.Replace), clause("resource", c.Resource))
}

func (c DefineFeature) String() string {
	s := line("feature", c.Feature, "counts", c.EventName, "by", c.Aggregation, c.Field,
		clause("per", c.DivideBy), clause("round", c.Round))
	for _, group := range c.Groups {
		var conditions []string
		for _, cond := range group {
			conditions = append(conditions, line(cond.Field, cond.Op, quoted(cond.Values)))
		}
		s += " when " + strings.Join(conditions, " and ")
	}
	return s
}

func quoted(values []string) string {
	var list []string
	for _, v := range values {
		list = append(list, strconv.Quote(v))
	}
	return strings.Join(list, ",")
}

func (c PublishPlan) String() string {
	s := fmt.Sprintf("plan version %d from %s", c.Version, FormatTime(c.From))
	for _, m := range c.Maps {
		price := m.Flat
		if m.Formula != "" {
			price = "formula " + strconv.Quote(m.Formula)
		}
		s += "\nmap " + line(m.Feature, price, Pool{Currency: m.Currency}.clause())
	}
	return s
}

func (c QuoteTopUp) String() string {
	return line("quote", c.Amount, "min", c.Min, "max", c.Max, "unit", c.Unit.Amount, c.Unit.Currency)
}

func (c Subscribe) String() string { return "subscribe resource " + c.Resource }
