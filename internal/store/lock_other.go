//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package store

import (
	"errors"
	"io"
)

// lockFile refuses: without a lock of the operating system two processes could write one file.
func lockFile(string) (io.Closer, error) {
	return nil, errors.New("file locks are not supported on this operating system")
}
