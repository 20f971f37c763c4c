//go:build !plantedbug

package engine

// plantEarlyAnswer does nothing. The build with the tag plantedbug breaks E1 here, to show that the crash test sees it.
func plantEarlyAnswer([]*work) {}
