package rival

import (
	"os"
	"syscall"
)

// syncData waits until the content of a file, and the size that reading it back needs, are on stable storage.
func syncData(file *os.File) error { return syscall.Fdatasync(int(file.Fd())) }
