// Package replay holds the main job of the product as a test: a recording of 8,819 real requests is replayed through the
// real program, and every credit is accounted for by a computation that shares nothing with it. exact_test.go computes,
// from the recording alone and in rational numbers, what must come out; server_test.go reads what did come out.
package replay
