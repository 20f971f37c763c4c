package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Where exports go, and how the last one ended, as on the wire.
const (
	ExportToFolder = "FOLDER"
	ExportToS3     = "S3"

	ExportPending   = "PENDING"
	ExportFailed    = "FAILED"
	ExportSucceeded = "SUCCEEDED"
)

// Limits of destinations.
const (
	exportDestinationsMax = 20
	exportPathMax         = 255
	exportEveryMin        = ledger.Time(60 * 1_000_000)
	exportEveryDefault    = ledger.Time(3600 * 1_000_000)
	exportEveryMax        = 31 * 24 * exportEveryDefault
	exportLease           = ledger.Time(900 * 1_000_000) // for a run; after it another node may try, which writes the same files
)

// ExportDestination is a place that an environment is exported to, again and again. Its times are of the installation's
// clock: an environment's clock that is moved by hand moves no export.
type ExportDestination struct {
	No          int64
	ID          string
	Type        string      // ExportToFolder or ExportToS3
	Path        string      // below what the operator allowed for the type
	Format      string      // csv, ndjson or parquet
	Models      []string    // tables; empty means all
	Every       ledger.Time // from one run to the next
	ConnectedAt ledger.Time
	Last        *ExportSync // nil before the first

	DueAt      ledger.Time `json:"-"`
	LeaseUntil ledger.Time `json:"-"`
}

// ExportSync is how a run ended, or that one was asked for.
type ExportSync struct {
	ID         string
	Status     string
	FinishedAt ledger.Time // when it was asked for, while it is pending
	Rows       int64
	Failure    string // for people, without internals
}

// ExportModel is a table that can be exported.
type ExportModel struct{ Group, ID, Title string }

// Exporter exports. Without one there are no destinations.
type Exporter interface {
	Models() []ExportModel
	// Check tells what the operator does not allow of a destination, as an *Error.
	Check(d *ExportDestination) error
	// Export exports what is new and returns how many rows that was.
	Export(ctx context.Context, env string, d *ExportDestination) (rows int64, err error)
}

// ExportModels lists what can be exported.
func (s *Service) ExportModels() ([]ExportModel, error) {
	if s.exporter == nil {
		return nil, NotSupported("", "this server has no exporter")
	}
	return s.exporter.Models(), nil
}

// ExportDestinations lists the destinations of an environment, the oldest first.
func (s *Service) ExportDestinations(ctx context.Context, env string) (list []*ExportDestination, err error) {
	err = s.store.View(ctx, func(tx Tx) (err error) {
		list, err = tx.ExportDestinations(ctx, env)
		return err
	})
	return list, err
}

// AddExportDestination adds a destination, which is exported to at once and then again and again. It returns all. It fails
// with DuplicatedEntityNotAllowed, ExportNotAllowed or an invalid member.
func (s *Service) AddExportDestination(ctx context.Context, env string, actor ledger.Actor, d *ExportDestination) ([]*ExportDestination, error) {
	if err := s.checkExport(d); err != nil {
		return nil, err
	}
	d.ConnectedAt, d.DueAt = s.now(), s.now()
	return s.changeExports(ctx, env, func(tx Tx, present []*ExportDestination) (err error) {
		switch {
		case slices.ContainsFunc(present, func(o *ExportDestination) bool { return o.ID == d.ID }):
			return duplicateAt("destinationId", "destination", d.ID)
		case len(present) >= exportDestinationsMax:
			return Limited(fmt.Sprintf("an environment can have at most %d destinations", exportDestinationsMax))
		}
		if d.No, err = tx.NextNo(ctx, env); err != nil {
			return err
		}
		if err := tx.InsertExportDestination(ctx, env, d); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, Audit{Actor: actor, Action: "export_destination.created", Object: d.ID})
	})
}

// checkExport fills in defaults and refuses what cannot be.
func (s *Service) checkExport(d *ExportDestination) error {
	if s.exporter == nil {
		return NotSupported("", "this server has no exporter")
	}
	if d.Format == "" {
		d.Format = "parquet"
	}
	if d.Every == 0 {
		d.Every = exportEveryDefault
	}
	if err := firstError(
		validID("destinationId", d.ID),
		oneOf("destinationType", d.Type, ExportToFolder, ExportToS3),
		oneOf("format", d.Format, "csv", "ndjson", "parquet"),
		validText("path", d.Path, exportPathMax),
		s.checkExportModels(d.Models),
	); err != nil {
		return err
	}
	if d.Every < exportEveryMin || d.Every > exportEveryMax {
		return invalidf("everySeconds", "must be from %d to %d", exportEveryMin/1_000_000, exportEveryMax/1_000_000)
	}
	return s.exporter.Check(d)
}

func (s *Service) checkExportModels(models []string) error {
	known := s.exporter.Models()
	for i, id := range models {
		if !slices.ContainsFunc(known, func(m ExportModel) bool { return m.ID == id }) {
			return Invalid(item("enabledModels", i), "is not a model; see GET /api/v1/data-export/models")
		}
	}
	return nil
}

// changeExports runs a change of destinations, one after another, and returns all after it.
func (s *Service) changeExports(ctx context.Context, env string, change func(Tx, []*ExportDestination) error) (list []*ExportDestination, err error) {
	err = s.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockEnvironment(ctx, env); err != nil {
			return err
		}
		present, err := tx.ExportDestinations(ctx, env)
		if err != nil {
			return err
		}
		if err := change(tx, present); err != nil {
			return err
		}
		list, err = tx.ExportDestinations(ctx, env)
		return err
	})
	return list, err
}

// UpdateExportDestination changes which tables go to a destination; nil leaves them. It fails with
// ExportDestinationNotFound.
func (s *Service) UpdateExportDestination(ctx context.Context, env string, actor ledger.Actor, id string, models []string) ([]*ExportDestination, error) {
	if s.exporter == nil {
		return nil, NotSupported("", "this server has no exporter")
	}
	if err := s.checkExportModels(models); err != nil {
		return nil, err
	}
	return s.changeExports(ctx, env, func(tx Tx, present []*ExportDestination) error {
		d, err := findExport(present, id)
		if err != nil {
			return err
		}
		if models != nil {
			d.Models = models
		}
		if err := tx.UpdateExportDestination(ctx, env, d); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, Audit{Actor: actor, Action: "export_destination.updated", Object: id})
	})
}

func findExport(list []*ExportDestination, id string) (*ExportDestination, error) {
	i := slices.IndexFunc(list, func(d *ExportDestination) bool { return d.ID == id })
	if i < 0 {
		return nil, missing("ExportDestinationNotFound", "destination", clip(id))
	}
	return list[i], nil
}

// RemoveExportDestination forgets a destination; its files stay. Removing again changes nothing.
func (s *Service) RemoveExportDestination(ctx context.Context, env string, actor ledger.Actor, id string) ([]*ExportDestination, error) {
	return s.changeExports(ctx, env, func(tx Tx, present []*ExportDestination) error {
		if _, err := findExport(present, id); err != nil {
			return nil
		}
		if err := tx.DeleteExportDestination(ctx, env, id); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, Audit{Actor: actor, Action: "export_destination.deleted", Object: id})
	})
}

// SyncExports asks for a run to one destination, or with an empty id to all, as soon as possible, and returns those asked for.
// It fails with ExportDestinationNotFound.
func (s *Service) SyncExports(ctx context.Context, env string, actor ledger.Actor, id string) (asked []*ExportDestination, err error) {
	_, err = s.changeExports(ctx, env, func(tx Tx, present []*ExportDestination) error {
		asked = present
		if id != "" {
			d, err := findExport(present, id)
			if err != nil {
				return err
			}
			asked = []*ExportDestination{d}
		}
		for _, d := range asked {
			d.DueAt = s.now()
			d.Last = &ExportSync{ID: s.newID(), Status: ExportPending, FinishedAt: s.now()}
			if err := tx.UpdateExportDestination(ctx, env, d); err != nil {
				return err
			}
			if err := s.audit(ctx, tx, env, Audit{Actor: actor, Action: "export.requested", Object: d.ID}); err != nil {
				return err
			}
		}
		return nil
	})
	return asked, err
}

// Exports is what a scheduler needs to run exports when they are due.
type Exports struct{ *Service }

// Kind names the work.
func (e Exports) Kind() string { return "exports" }

// Next is when a destination of an environment is due: now by the environment's clock, or never yet, because exports follow the
// installation's clock.
func (e Exports) Next(ctx context.Context, env string) (ledger.Time, error) {
	list, err := e.ExportDestinations(ctx, env)
	for _, d := range list {
		if e.exporter != nil && d.DueAt <= e.now() && d.LeaseUntil <= e.now() {
			return e.clock(env), err
		}
	}
	return ledger.Never, err
}

// Run exports to every destination that is due and that no other node is at, and returns to how many. One that fails is
// tried again at its next time.
func (e Exports) Run(ctx context.Context, env string) (int, error) {
	list, err := e.ExportDestinations(ctx, env)
	if err != nil || e.exporter == nil {
		return 0, err
	}
	done := 0
	for _, d := range list {
		if d.DueAt > e.now() || d.LeaseUntil > e.now() {
			continue
		}
		ran, err := e.runExport(ctx, env, d)
		if err != nil {
			return done, fmt.Errorf("export to %s: %w", d.ID, err)
		}
		if ran {
			done++
		}
	}
	return done, nil
}

// runExport claims a destination, exports, and notes how it ended, unless somebody else has claimed it meanwhile.
func (s *Service) runExport(ctx context.Context, env string, d *ExportDestination) (bool, error) {
	var fence int64
	err := s.store.Update(ctx, func(tx Tx) (err error) {
		fence, err = tx.ClaimExport(ctx, env, d.ID, s.now(), s.now()+exportLease)
		return err
	})
	if errors.Is(err, ErrMissing) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sync := &ExportSync{ID: s.newID(), Status: ExportSucceeded}
	if d.Last != nil && d.Last.Status == ExportPending {
		sync.ID = d.Last.ID
	}
	var failure error
	if sync.Rows, failure = s.exporter.Export(ctx, env, d); failure != nil {
		sync.Status, sync.Failure = ExportFailed, "the destination could not be written; the server's log says why"
	}
	sync.FinishedAt = s.now()
	err = s.store.Update(ctx, func(tx Tx) error { return s.noteExport(ctx, tx, env, d.ID, fence, sync) })
	return true, errors.Join(failure, err)
}

func (s *Service) noteExport(ctx context.Context, tx Tx, env, id string, fence int64, sync *ExportSync) error {
	if _, err := tx.LockEnvironment(ctx, env); err != nil {
		return err
	}
	if err := tx.FinishExport(ctx, env, id, fence); err != nil {
		if errors.Is(err, ErrMissing) {
			return nil // removed, or somebody else's
		}
		return err
	}
	present, err := tx.ExportDestinations(ctx, env)
	if err != nil {
		return err
	}
	d, err := findExport(present, id)
	if err != nil {
		return err
	}
	if d.Last == nil || d.Last.Status != ExportPending || d.Last.ID == sync.ID { // else another run was asked for meanwhile
		d.Last, d.DueAt = sync, sync.FinishedAt+d.Every
	}
	return tx.UpdateExportDestination(ctx, env, d)
}
