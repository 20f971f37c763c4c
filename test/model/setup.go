package model

// Setup declares the features, meters and plan versions that random histories use.
func Setup() []Command {
	all := []Mapping{
		{Feature: "calls", Currency: DefaultCurrency, Flat: "1"},
		{Feature: "messages", Currency: DefaultCurrency, Flat: "0.5"},
		{Feature: "peak", Currency: DefaultCurrency, Flat: "2"},
		{Feature: "tokens", Currency: DefaultCurrency, Formula: `(in + 4*out)/1000 * lookup(model, "large", 3, "small", 1, 1) - rebate`},
		{Feature: "transfer", Currency: DefaultCurrency, Flat: "2"},
		{Feature: "users", Currency: DefaultCurrency, Flat: "10"},
	}
	second := append([]Mapping(nil), all...)
	second[0].Flat, second[1].Flat = "3", "0.333333333"
	second[3].Formula = `if(in > 1000, in / out, max(in, out)) * 0.001`
	return []Command{
		MoveClock{epoch},
		DefineFeature{Feature: "calls", EventName: "call", Aggregation: "SUM", Field: "quantity",
			Groups: [][]Condition{{{"tier", "NOT_EQUALS", []string{"free"}}}}},
		DefineFeature{Feature: "messages", EventName: "chat", Aggregation: "COUNT"},
		DefineFeature{Feature: "peak", EventName: "call", Aggregation: "MAX", Field: "width"},
		DefineFeature{Feature: "tokens", EventName: "chat", Aggregation: "SUM", Field: "in"},
		DefineFeature{Feature: "transfer", EventName: "copy", Aggregation: "SUM", Field: "bytes", DivideBy: "1000", Round: "UP"},
		DefineFeature{Feature: "users", EventName: "login", Aggregation: "UNIQUE", Field: "user"},
		PublishPlan{1, epoch.AddDate(0, 0, -3), all},
		PublishPlan{2, secondVersion, second},
		Subscribe{"R1"},
	}
}
