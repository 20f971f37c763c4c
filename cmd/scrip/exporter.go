package main

import (
	"context"
	"errors"
	"net/url"
	"path"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/export"
)

// exporter exports to destinations below what the operator has allowed. The operator alone says which machine's folder and
// which bucket at which endpoint; a destination only adds a path.
type exporter struct {
	dir    string // folder, or empty
	bucket string // s3 address, or empty
	source export.Source
}

// Models implements credits.Exporter.
func (e *exporter) Models() []credits.ExportModel {
	var models []credits.ExportModel
	for _, t := range export.Tables() {
		models = append(models, credits.ExportModel{Group: t.Group, ID: t.Name, Title: t.Title})
	}
	return models
}

// Check implements credits.Exporter.
func (e *exporter) Check(d *credits.ExportDestination) error {
	flag, allowed := "--export-dir", e.dir
	if d.Type == credits.ExportToS3 {
		flag, allowed = "--export-bucket", e.bucket
	}
	if allowed == "" {
		return credits.Unprocessable("ExportNotAllowed", "destinationType", "the operator has allowed no such destination; see "+flag)
	}
	if !export.LocalPath(d.Path) {
		return credits.Invalid("path", "must be a path of plain names such as warehouse/daily, without leading slash, dots or empty parts")
	}
	return nil
}

// Export implements credits.Exporter.
func (e *exporter) Export(ctx context.Context, env string, d *credits.ExportDestination) (rows int64, err error) {
	if err := e.Check(d); err != nil { // the operator may have changed the flags
		return 0, err
	}
	bucket, err := e.open(ctx, d)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, bucket.Close()) }()
	m, err := export.Run(ctx, e.source, bucket, export.Options{Environment: env, Format: export.Format(d.Format), Tables: d.Models})
	if err != nil {
		return 0, err
	}
	return m.Rows(), nil
}

func (e *exporter) open(ctx context.Context, d *credits.ExportDestination) (export.Bucket, error) {
	if d.Type != credits.ExportToS3 {
		return export.OpenFolderIn(e.dir, d.Path)
	}
	u, err := url.Parse(e.bucket)
	if err != nil {
		return nil, err
	}
	u.Path = path.Join("/", u.Path, d.Path)
	return export.OpenS3(ctx, u.String())
}
