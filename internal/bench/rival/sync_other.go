//go:build !linux

package rival

import "os"

// syncData waits until a file is on stable storage.
func syncData(file *os.File) error { return file.Sync() }
