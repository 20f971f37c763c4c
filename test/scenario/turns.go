package scenario

import "github.com/scrip-dev/scrip/test/model"

// readRenew reads `renew NAME AMOUNT …`: a boundary with a new block, included credits unless said otherwise.
func readRenew(w *words) model.Command {
	c := model.Turn{Pool: model.Pool{Currency: model.DefaultCurrency}, Block: model.AddGrant{Ref: w.next("the block's name"),
		Amount: w.amount("the amount"), Kind: model.Recurring}}
	for w.more() {
		switch {
		case w.accept("recurring"):
		case w.accept("paid"):
			c.Block.Kind = model.Paid
		case w.accept("promotional"):
			c.Block.Kind = model.Promotional
		case w.accept("priority"):
			c.Block.Priority = w.integer("the priority")
		case w.accept("until"):
			c.Block.ExpireAt = w.instant("the end of the period")
		case w.accept("cost"):
			c.Block.Cost = w.money()
		default:
			w.boundary(&c)
		}
	}
	return c
}

// readCancel reads `cancel …`: a boundary without a new block.
func readCancel(w *words) model.Command {
	c := model.Turn{Pool: model.Pool{Currency: model.DefaultCurrency}}
	for w.more() {
		w.boundary(&c)
	}
	return c
}

// boundary takes a clause that every boundary may have.
func (w *words) boundary(c *model.Turn) {
	switch {
	case w.accept("at"):
		c.At = w.instant("the boundary")
	case w.accept("rolls"):
		c.Rolls = append(c.Rolls, w.roll())
	case w.accept("ends"):
		c.Ends = append(c.Ends, w.next("the block that ends"))
	case w.accept("voids"):
		c.Voids = append(c.Voids, w.next("the block that is taken away"))
	case w.accept("forgive"):
		c.Forgive = true
	case w.pool(&c.Pool):
	default:
		w.end()
	}
}

// roll takes `G as NAME max N until INSTANT`.
func (w *words) roll() model.Roll {
	r := model.Roll{Ref: w.next("the block")}
	w.expect("as")
	r.As = w.next("the name of what goes on of it")
	w.expect("max")
	r.Max = w.amount("the limit")
	w.expect("until")
	r.Until = w.instant("its expiry")
	return r
}
