package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

// s3Scheme begins the addresses of buckets.
const s3Scheme = "s3"

// s3Parameters are what an address may say beside bucket and path. None is a secret: who may write comes from the process's
// environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or a profile or role), and is stored nowhere.
var s3Parameters = []string{"region", "endpoint", "use_path_style"}

// CheckS3 tells what is wrong with the address of a bucket, such as s3://bucket/path?region=eu-central-1.
func CheckS3(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != s3Scheme || u.Host == "" {
		return errors.New("must be an address such as s3://bucket/path?region=eu-central-1")
	}
	if u.User != nil || u.Fragment != "" {
		return errors.New("must not hold credentials; they come from the environment of the process")
	}
	for name := range u.Query() {
		if !slices.Contains(s3Parameters, name) {
			return fmt.Errorf("has the parameter %q; known are %s", name, strings.Join(s3Parameters, ", "))
		}
	}
	if p := strings.Trim(u.Path, "/"); p != "" && (path.Clean(p) != p || strings.HasPrefix(p, "..")) {
		return errors.New("has a path with empty or dotted parts")
	}
	return nil
}

// OpenS3 returns a bucket of an S3-compatible store. CheckS3 must have passed.
func OpenS3(ctx context.Context, address string) (Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	prefix := strings.Trim(u.Path, "/")
	u.Path = ""
	inner, err := new(s3blob.URLOpener).OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("open the bucket: %w", err)
	}
	if prefix != "" {
		inner = blob.PrefixedBucket(inner, prefix+"/")
	}
	return &cloud{inner}, nil
}

// cloud is a Bucket in an object store, where writes are whole by nature.
type cloud struct{ bucket *blob.Bucket }

// Create implements Bucket.
func (b *cloud) Create(ctx context.Context, name string) (File, error) {
	ctx, cancel := context.WithCancel(ctx)
	w, err := b.bucket.NewWriter(ctx, name, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	return &cloudFile{Writer: w, closer: w, cancel: cancel}, nil
}

type cloudFile struct {
	io.Writer
	closer io.Closer
	cancel context.CancelFunc
	done   bool
}

// Commit implements File.
func (f *cloudFile) Commit() error {
	f.done = true
	err := f.closer.Close()
	f.cancel()
	return err
}

// Abort implements File. A writer whose context has ended leaves nothing.
func (f *cloudFile) Abort() {
	if !f.done {
		f.done = true
		f.cancel()
		_ = f.closer.Close()
	}
}

// Read implements Bucket.
func (b *cloud) Read(ctx context.Context, name string) ([]byte, error) {
	data, err := b.bucket.ReadAll(ctx, name)
	if gcerrors.Code(err) == gcerrors.NotFound {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return data, err
}

// List implements Bucket.
func (b *cloud) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	iterator := b.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		object, err := iterator.Next(ctx)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		names = append(names, object.Key)
	}
}

// Remove implements Bucket.
func (b *cloud) Remove(ctx context.Context, name string) error {
	if err := b.bucket.Delete(ctx, name); gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	return nil
}

// Close implements Bucket.
func (b *cloud) Close() error { return b.bucket.Close() }
