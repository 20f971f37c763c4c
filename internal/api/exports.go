package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// microseconds is how many make a second of the wire.
const microseconds = 1_000_000

func (s *server) listExportModels(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	models, err := s.credits.ExportModels()
	if err != nil {
		return nil, err
	}
	groups := []wire.DataExportModelGroup{}
	for _, m := range models {
		i := 0
		for i < len(groups) && groups[i].ID != m.Group {
			i++
		}
		if i == len(groups) {
			groups = append(groups, wire.DataExportModelGroup{ID: m.Group, DisplayName: groupNames[m.Group]})
		}
		groups[i].Models = append(groups[i].Models, wire.DataExportModel{ID: m.ID, DisplayName: m.Title})
	}
	return wire.DataExportModels{Data: wire.DataExportModelGroups{Groups: groups}}, nil
}

var groupNames = map[string]string{"catalogue": "Catalogue", "credits": "Credits", "usage": "Usage", "customers": "Customers"}

func (s *server) syncExports(c *call) (any, error) {
	var in wire.DataExportSync
	if c.hasBody() {
		if err := c.decode(&in); err != nil {
			return nil, err
		}
	}
	asked, err := s.credits.SyncExports(c.ctx, c.env, c.actor(), value(in.DestinationID))
	if err != nil {
		return nil, err
	}
	return wire.DataExportSyncData{Data: wire.DataExportSyncResults{Results: listOut(asked, func(d *credits.ExportDestination) wire.DataExportSyncResult {
		return wire.DataExportSyncResult{DestinationID: d.ID, Triggered: true, TransferID: &d.Last.ID}
	})}}, nil
}

func (s *server) listExportDestinations(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	return destinationsData(s.credits.ExportDestinations(c.ctx, c.env))
}

func (s *server) createExportDestination(c *call) (any, error) {
	var in wire.DataExportDestinationCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	d := &credits.ExportDestination{
		ID: in.DestinationID, Type: string(in.DestinationType), Path: value(in.Path), Format: string(value(in.Format)),
		Models: in.EnabledModels,
	}
	if d.Path == "" {
		d.Path = d.ID
	}
	if in.EverySeconds != nil {
		if *in.EverySeconds < 1 || *in.EverySeconds > 1<<31 {
			return nil, credits.Invalid("everySeconds", "must be from 60 to 2678400")
		}
		d.Every = ledger.Time(*in.EverySeconds) * microseconds
	}
	return destinationsData(s.credits.AddExportDestination(c.ctx, c.env, c.actor(), d))
}

func (s *server) updateExportDestination(c *call) (any, error) {
	var in wire.DataExportDestinationUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return destinationsData(s.credits.UpdateExportDestination(c.ctx, c.env, c.actor(), c.path("destinationId"), in.EnabledModels))
}

func (s *server) deleteExportDestination(c *call) (any, error) {
	return destinationsData(s.credits.RemoveExportDestination(c.ctx, c.env, c.actor(), c.path("destinationId")))
}

// destinationsData answers with all destinations.
func destinationsData(list []*credits.ExportDestination, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.DataExportDestinations{Data: wire.DataExportDestinationList{Destinations: listOut(list, destinationOut)}}, nil
}

func destinationOut(d *credits.ExportDestination) wire.DataExportDestination {
	every, format, status := int64(d.Every/microseconds), wire.DataExportFormat(d.Format), "connected"
	out := wire.DataExportDestination{
		DestinationID: d.ID, Type: wire.DataExportDestinationType(d.Type), ConnectedAt: timeOut(d.ConnectedAt), ConnectionStatus: &status,
		EnabledModels: d.Models, Path: &d.Path, Format: &format, EverySeconds: &every,
	}
	if last := d.Last; last != nil {
		out.LastSyncStatus = &wire.DataExportSyncStatus{
			TransferID: last.ID, Status: last.Status, FinishedAt: timeOut(last.FinishedAt), RowsTransferred: &last.Rows,
		}
		if last.Failure != "" {
			status = "failed"
			out.LastSyncStatus.FailureMessage = &last.Failure
		}
	}
	return out
}
