package scenario

import (
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/test/model"
)

// verbs read the commands: one line, one command. The forms are those that model.Command.String writes.
var verbs = map[string]func(*words) model.Command{
	"thresholds": readThresholds,
	"at":         readClock,
	"grace":      func(w *words) model.Command { return model.SetGrace{Grace: w.duration("the grace")} },
	"grant":      readGrant,
	"renew":      readRenew,
	"cancel":     readCancel,
	"event":      readEvent,
	"void":       readVoid,
	"update":     readUpdate,
	"paid":       func(w *words) model.Command { return model.ConfirmPayment{Ref: w.next("the grant")} },
	"unpaid":     func(w *words) model.Command { return model.FailPayment{Ref: w.next("the grant")} },
	"reserve":    readReserve,
	"settle":     readSettle,
	"release":    readRelease,
	"reverse":    readReverse,
	"feature":    readFeature,
	"subscribe":  readSubscribe,
	"quote":      readQuote,
	"offer":      readOffer,
	"sign":       readSign,
	"change":     readChange,
	"leave":      func(*words) model.Command { return model.Leave{} },
	"sell":       readSell,
	"topup": func(w *words) model.Command {
		return model.TopUp{Ref: w.next("the grant's name"), Amount: w.amount("the amount")}
	},
	"money": func(w *words) model.Command {
		return model.DecidePayment{Ref: w.next("the grant"), Outcome: w.next("the outcome")}
	},
}

func readClock(w *words) model.Command { return model.MoveClock{To: w.instant("the instant")} }

// readThresholds reads `thresholds 50 20 10 grants 80`; either list may be left out.
func readThresholds(w *words) model.Command {
	var c model.SetThresholds
	list := &c.Remaining
	for w.more() {
		if w.accept("grants") {
			list = &c.Consumed
			continue
		}
		*list = append(*list, w.amount("the threshold"))
	}
	return c
}

func readGrant(w *words) model.Command {
	c := model.AddGrant{Ref: w.next("the grant's name"), Pool: model.Pool{Currency: model.DefaultCurrency},
		Amount: w.amount("the amount"), Kind: model.Promotional}
	for w.more() {
		switch {
		case w.accept("promotional"):
		case w.accept("paid"):
			c.Kind = model.Paid
		case w.accept("recurring"):
			c.Kind = model.Recurring
		case w.accept("priority"):
			c.Priority = w.integer("the priority")
		case w.accept("effective"):
			c.EffectiveAt = w.instant("the effective date")
		case w.accept("expires"):
			c.ExpireAt = w.instant("the expiry")
		case w.accept("cost"):
			c.Cost = w.money()
		case w.accept("awaiting"):
			w.expect("payment")
			c.AwaitsPayment = true
		case w.pool(&c.Pool):
		default:
			w.end()
		}
	}
	return c
}

// readEvent reads both forms: `event KEY costs N` and `event NAME key KEY dims …`.
func readEvent(w *words) model.Command {
	name := w.next("the event")
	if w.accept("costs") {
		return readConsume(w, name)
	}
	w.expect("key")
	return readReport(w, name)
}

func readConsume(w *words, key string) model.Command {
	c := model.Consume{Key: key, Amount: w.amount("the cost"), Pool: model.Pool{Currency: model.DefaultCurrency}}
	for w.more() {
		switch {
		case w.accept("feature"):
			c.Feature = w.next("the feature")
		case w.accept("strict"):
			c.Strict = true
		case w.accept("at"):
			c.At = w.instant("the event time")
		case w.pool(&c.Pool):
		default:
			w.end()
		}
	}
	return c
}

func readReport(w *words, name string) model.Command {
	c := model.ReportEvent{Name: name, Key: w.next("the key")}
	for w.more() {
		switch {
		case w.accept("dims"):
			c.Dims = w.dims()
			slices.SortFunc(c.Dims, func(a, b model.Dim) int { return strings.Compare(a.Key, b.Key) })
		case w.accept("at"):
			c.At = w.instant("the event time")
		case w.accept("resource"):
			c.Resource = w.next("the resource")
		default:
			w.end()
		}
	}
	return c
}

func readVoid(w *words) model.Command {
	c := model.VoidGrant{Ref: w.next("the grant")}
	c.Pool = w.onlyPool()
	return c
}

func readUpdate(w *words) model.Command {
	c := model.UpdateGrant{Ref: w.next("the grant"), Pool: model.Pool{Currency: model.DefaultCurrency}}
	for w.more() {
		switch {
		case w.accept("amount"):
			a := w.amount("the amount")
			c.Amount = &a
		case w.accept("priority"):
			p := w.integer("the priority")
			c.Priority = &p
		case w.accept("effective"):
			t := w.instant("the effective date")
			c.EffectiveAt = &t
		case w.accept("expires"):
			t := w.instant("the expiry")
			c.ExpireAt = &t
		case w.accept("cost"):
			m := w.money()
			c.Cost = &m
		case w.pool(&c.Pool):
		default:
			w.end()
		}
	}
	return c
}

func readReserve(w *words) model.Command {
	c := model.Reserve{Ref: w.next("the reservation"), Amount: w.amount("the amount"), Pool: model.Pool{Currency: model.DefaultCurrency}}
	for w.more() {
		switch {
		case w.accept("for"):
			c.TTL = w.duration("the time to live")
		case w.accept("overdraft"):
			c.AllowOverdraft = true
		case w.accept("capture"):
			c.Capture = true
		case w.pool(&c.Pool):
		default:
			w.end()
		}
	}
	return c
}

func readSettle(w *words) model.Command {
	c := model.Settle{Ref: w.next("the reservation"), Amount: w.amount("the amount"), Pool: model.Pool{Currency: model.DefaultCurrency}}
	for w.more() {
		switch {
		case w.accept("partly"):
			c.Partial = true
		case w.accept("for"):
			c.Extend = w.duration("the extension")
		case w.pool(&c.Pool):
		default:
			w.end()
		}
	}
	return c
}

func readRelease(w *words) model.Command {
	c := model.Release{Ref: w.next("the reservation")}
	c.Pool = w.onlyPool()
	return c
}

// readReverse reads `reverse KEY` for a direct consumption and `reverse NAME key KEY` for an event.
func readReverse(w *words) model.Command {
	c := model.Reverse{Key: w.next("the event")}
	if w.accept("key") {
		c.Name, c.Key = c.Key, w.next("the key")
	}
	for w.more() {
		switch {
		case w.accept("replace"):
			c.Replace = w.next("the name of the replacement")
		case w.accept("resource"):
			c.Resource = w.next("the resource")
		default:
			w.end()
		}
	}
	return c
}

func readSubscribe(w *words) model.Command {
	w.expect("resource")
	return model.Subscribe{Resource: w.next("the resource")}
}

func readQuote(w *words) model.Command {
	c := model.QuoteTopUp{Amount: w.amount("the amount")}
	w.expect("min")
	c.Min = w.amount("the smallest amount")
	w.expect("max")
	c.Max = w.amount("the largest amount")
	w.expect("unit")
	c.Unit = w.money()
	return c
}

// readFeature reads `feature F counts EVENT by AGGREGATION [FIELD] [per N round UP|DOWN] [when … and …]…`.
func readFeature(w *words) model.Command {
	c := model.DefineFeature{Feature: w.next("the feature")}
	w.expect("counts")
	c.EventName = w.next("the event name")
	w.expect("by")
	c.Aggregation = w.next("the aggregation")
	if c.Aggregation != "COUNT" {
		c.Field = w.next("the field")
	}
	for w.more() {
		switch {
		case w.accept("per"):
			c.DivideBy = w.amount("the divisor")
		case w.accept("round"):
			c.Round = w.next("UP or DOWN")
		case w.accept("when"):
			c.Groups = append(c.Groups, []model.Condition{readCondition(w)})
		case w.accept("and") && len(c.Groups) > 0:
			last := len(c.Groups) - 1
			c.Groups[last] = append(c.Groups[last], readCondition(w))
		default:
			w.end()
		}
	}
	return c
}

func readCondition(w *words) model.Condition {
	c := model.Condition{Field: w.next("the field"), Op: w.next("the operator")}
	if c.Op == "IS_NULL" || c.Op == "IS_NOT_NULL" {
		return c
	}
	for _, v := range strings.Split(w.next("the value"), ",") {
		c.Values = append(c.Values, w.unquote(v))
	}
	return c
}

// readPlan reads the head of a plan version; `map` lines follow it.
func readPlan(w *words) *model.PublishPlan {
	w.expect("version")
	c := &model.PublishPlan{Version: w.integer("the version")}
	w.expect("from")
	c.From = w.instant("the instant")
	w.end()
	return c
}

// readMapping reads `map FEATURE RATE` or `map FEATURE formula "…"`.
func readMapping(w *words) model.Mapping {
	m := model.Mapping{Feature: w.next("the feature"), Currency: model.DefaultCurrency}
	if w.accept("formula") {
		m.Formula = w.text("the formula")
	} else {
		m.Flat = w.amount("the rate")
	}
	if w.accept("currency") {
		m.Currency = w.next("the credit type")
	}
	w.end()
	return m
}
