package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Bucket is where files go. Names are relative, with slashes. Whoever lists or reads a file sees it whole or not at all.
type Bucket interface {
	// Create returns a writer of a file, which replaces the one of that name when it is closed, and never before.
	Create(ctx context.Context, name string) (File, error)
	// Read returns a whole file, or an error that wraps fs.ErrNotExist.
	Read(ctx context.Context, name string) ([]byte, error)
	// List names the files whose names begin with a prefix, in their order.
	List(ctx context.Context, prefix string) ([]string, error)
	// Remove removes a file, if it is there.
	Remove(ctx context.Context, name string) error
	Close() error
}

// File is a file under way.
type File interface {
	io.Writer
	// Commit completes the file. Abort, instead or after it, leaves nothing of what is not complete.
	Commit() error
	Abort()
}

// put writes a small file.
func put(ctx context.Context, b Bucket, name string, data []byte) error {
	f, err := b.Create(ctx, name)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := io.Copy(f, bytes.NewReader(data)); err != nil {
		return err
	}
	return f.Commit()
}

// LocalPath tells whether a path only leads down, through plain names: what may follow the folder or bucket of an operator.
func LocalPath(name string) bool {
	if name == "" || strings.ContainsAny(name, "\\\x00?#%") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

// folder is a Bucket in a folder. The operating system keeps every access inside: neither ".." nor a symbolic link leads out.
type folder struct{ root *os.Root }

// partial marks files that are not complete.
const partial = ".partial"

// OpenFolder returns a folder as a Bucket. It is made when missing.
func OpenFolder(dir string) (Bucket, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of exports: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of exports: %w", err)
	}
	return &folder{root}, nil
}

// OpenFolderIn is OpenFolder for a folder below another one, which it cannot leave.
func OpenFolderIn(parent, name string) (Bucket, error) {
	outer, err := os.OpenRoot(parent)
	if err != nil {
		return nil, fmt.Errorf("open the folder of exports: %w", err)
	}
	defer func() { _ = outer.Close() }()
	if err := outer.MkdirAll(name, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of exports: %w", err)
	}
	root, err := outer.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open the folder of exports: %w", err)
	}
	return &folder{root}, nil
}

// Create implements Bucket.
func (b *folder) Create(_ context.Context, name string) (File, error) {
	if err := b.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return nil, err
	}
	f, err := b.root.OpenFile(name+partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &folderFile{File: f, root: b.root, name: name}, nil
}

type folderFile struct {
	*os.File
	root *os.Root
	name string
	done bool
}

// Commit implements File: the file is on the disk before it has its name.
func (f *folderFile) Commit() error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := f.root.Rename(f.name+partial, f.name); err != nil {
		return err
	}
	f.done = true
	return f.syncFolder()
}

func (f *folderFile) syncFolder() error {
	dir, err := f.root.Open(path.Dir(f.name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Abort implements File.
func (f *folderFile) Abort() {
	if !f.done {
		_ = f.Close()
		_ = f.root.Remove(f.name + partial) // what cannot be removed is written over by the next run
	}
}

// Read implements Bucket.
func (b *folder) Read(_ context.Context, name string) ([]byte, error) { return b.root.ReadFile(name) }

// List implements Bucket.
func (b *folder) List(_ context.Context, prefix string) ([]string, error) {
	entries, err := fs.ReadDir(b.root.FS(), path.Dir(prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		name := path.Join(path.Dir(prefix), e.Name())
		if strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, partial) && e.Type().IsRegular() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, err
}

// Remove implements Bucket.
func (b *folder) Remove(_ context.Context, name string) error {
	if err := b.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Close implements Bucket.
func (b *folder) Close() error { return b.root.Close() }
