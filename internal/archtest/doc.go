// Package archtest holds the rules of this repository that a compiler cannot check, as tests: who may import whom, what
// the pure packages must not touch, how long functions and files may get, where the clock may be read.
//
// A rule is a function from a source file to its violations, so each has a small negative test beside it that shows that it
// bites. Exceptions stand in allowed (allow_test.go), each with its reason; one that is no longer needed fails the test.
//
// To change a layer, edit layers in imports_test.go. To add a package, give it a row there.
package archtest
