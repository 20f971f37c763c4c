// Package model is the naive twin of the credits engine: the rules of the semantic specification written a second
// time, slowly and obviously, so that two independent readings can be compared.
//
// A Model keeps the list of every command it was given. To answer anything it replays that list from an empty world
// with exact rationals (math/big.Rat) and looks at the result: no indexes, no counters kept up to date by two roads, no
// code shared with the engine. It must not import anything below internal; a test refuses it.
//
// The parts:
//
//   - Command and its variants say what can be done to a world. Each prints itself as a line of the scenario language
//     (test/scenario), so a failing random history can be read, edited and kept as a scenario.
//   - Subject is a system under test. Model is itself a Subject; test/model/pure is one over internal/ledger and
//     internal/rating; test/served is a server behind REST.
//   - Generator makes random histories from a seed; Compare runs one on the model and on a Subject and reports the
//     first difference; Shrink makes a failing history short.
//
// Run it with
//
//	go test ./test/model                                  20,000 operations in worlds of 50
//	go test ./test/model -model.ops=1000000 -timeout 1h   more
//	go test ./test/model -run TestModelLedger -model.seed=86 -model.ops=50   one world again
//	go test ./test/model -run TestModelServed -model.served=50000            more over REST
//	go test ./test/model -run TestControls -model.controls                   planted bugs, each must be found
//
// Names of things (grants, events, holds) are references chosen by the history. A Subject translates them to its own
// ids. Overdrafts are named OD1, OD2 … in order of creation within their pool.
package model
