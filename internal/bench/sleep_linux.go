package bench

import (
	"syscall"
	"time"
)

// sleep waits in the kernel, which wakes within some ten microseconds. The runtime's own timers are late by up to a
// millisecond when nothing else happens, which would count as the server's latency.
func sleep(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
