package bench

// writeGrowth prints what servers did while they grew.
func (r *Report) writeGrowth(t *table) {
	for _, g := range r.Growth {
		t.line("\nEvents per second of %s by the number of events that it holds", g.Server)
		head := []string{"events"}
		for _, c := range growthCells {
			head = append(head, c.String(), "against few")
		}
		t.row(head...)
		for _, p := range g.Points {
			row := []string{count(float64(p.Events))}
			for _, c := range growthCells {
				row = append(row, count(p.rate(c)), times(ratio(p.rate(c), g.Points[0].rate(c))))
			}
			t.row(row...)
		}
		if len(g.Pages) > 0 {
			t.line("\nPages of the ledger in ms, %d rows each", pageRows)
			t.row("", "p50", "p99", "max")
		}
		for _, p := range g.Pages {
			t.row(p.What, short(p.P50), short(p.P99), short(p.Max))
		}
		for _, p := range g.Pools {
			t.line("A pool with %s open grants: %s µs an event, %s.", count(float64(p.Grants)), short(p.MicrosPerEvent), grantCell)
		}
	}
}
