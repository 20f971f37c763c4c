package scenario

import (
	"strings"

	"github.com/scrip-dev/scrip/test/model"
)

// readOffer reads `offer PLAN includes AMOUNT per month|year …` and `offer PLAN sells at PRICE CUR min N max N`.
func readOffer(w *words) model.Command {
	c := model.OfferCredits{Plan: w.next("the plan")}
	if w.accept("sells") {
		w.expect("at")
		c.UnitPrice = w.money()
		w.expect("min")
		c.MinimumBuy = w.integer("the minimum")
		w.expect("max")
		c.MaximumBuy = w.integer("the maximum")
		return c
	}
	w.expect("includes")
	c.Amount = w.amount("the amount")
	w.expect("per")
	c.Cadence = strings.ToUpper(w.next("the cadence"))
	for w.more() {
		switch {
		case w.accept("times"):
			c.Times = w.next("the feature")
		case w.accept("trial"):
			c.Trial = w.amount("the trial's credits")
		case w.accept("rolls"):
			w.expect("max")
			c.RollMax = w.amount("the limit")
			w.expect("for")
			c.RollFor = w.integer("the periods")
		case w.accept("forgives"):
			c.Forgives = true
		default:
			w.end()
		}
	}
	return c
}

// readSign reads `sign PLAN [with N FEATURE] [trial until INSTANT [then paid]]`.
func readSign(w *words) model.Command {
	c := model.SignUp{Plan: w.next("the plan")}
	for w.more() {
		switch {
		case w.accept("with"):
			c.Times, c.TimesOf = w.amount("the quantity"), w.next("the feature")
		case w.accept("trial"):
			w.expect("until")
			c.TrialUntil = w.instant("the end of the trial")
		case w.accept("then"):
			w.expect("paid")
			c.TrialToPaid = true
		default:
			w.end()
		}
	}
	return c
}

// readChange reads `change [plan P] [with N FEATURE] [new period]`.
func readChange(w *words) model.Command {
	var c model.ChangeTerms
	for w.more() {
		switch {
		case w.accept("plan"):
			c.Plan = w.next("the plan")
		case w.accept("with"):
			c.Times, c.TimesOf = w.amount("the quantity"), w.next("the feature")
		case w.accept("new"):
			w.expect("period")
			c.NewPeriod = true
		default:
			w.end()
		}
	}
	return c
}

// readSell reads `sell NAME AMOUNT cost MONEY CUR by charge|invoice [when paid]`.
func readSell(w *words) model.Command {
	c := model.Sell{Ref: w.next("the grant's name"), Amount: w.amount("the amount")}
	w.expect("cost")
	c.Cost = w.money()
	w.expect("by")
	c.Method = strings.ToUpper(w.next("the method"))
	if w.accept("when") {
		w.expect("paid")
		c.Policy = "PAID"
	}
	return c
}
