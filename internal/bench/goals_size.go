package bench

// pageMax is how long a page of the ledger may take, in milliseconds.
const pageMax = 20

// sizeGoals are about what stays as it is while tables grow.
func (r *Report) sizeGoals() []Goal {
	var all []Goal
	for _, g := range r.Growth {
		if g.Server != Scrip || len(g.Points) == 0 {
			continue
		}
		first, last := &g.Points[0], &g.Points[len(g.Points)-1]
		for _, c := range growthCells {
			if reached := ratio(last.rate(c), first.rate(c)); reached > 0 {
				name := count(float64(last.Events)) + " events against few, " + c.String()
				all = append(all, Goal{name, reached, 0.8, 0.8, "times", false})
			}
		}
		for _, p := range g.Pages {
			all = append(all, Goal{"ledger, " + p.What + ", p99", p.P99, pageMax, pageMax, "ms", true})
		}
		if pools := g.Pools; len(pools) > 1 {
			reached := ratio(pools[len(pools)-1].MicrosPerEvent, pools[0].MicrosPerEvent)
			all = append(all, Goal{"time of an event with 10,000 open grants against 10", reached, 10, 2, "times", true})
		}
	}
	return all
}
