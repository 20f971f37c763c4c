//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// A lock stays with a child of the process that held it between its fork and its exec, for a moment: who finds it taken looks
// again before giving up.
const (
	lockTries = 10
	lockPause = 20 * time.Millisecond
)

// lockFile takes an exclusive lock that the system gives up when the process ends, however it ends.
func lockFile(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	for range lockTries {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(lockPause)
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = errors.New("another scrip process is using it; stop that process or choose another directory")
	case err != nil:
		err = fmt.Errorf("lock: %w", err)
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}
