package store

import (
	"strings"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of Linux, in milliseconds; package syscall does not name it.
const tcpUserTimeout = 0x12

// limitUnconfirmed has the system give up a connection whose peer confirms nothing any more.
func limitUnconfirmed(network, _ string, raw syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var err error
	controlErr := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unconfirmedMax.Milliseconds()))
	})
	if controlErr != nil {
		return controlErr
	}
	return err
}
