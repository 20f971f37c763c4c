package engine

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// ErrConflict is returned by Journal.Commit when another writer has taken the position: nothing was written.
var ErrConflict = errors.New("another writer appended to this shard")

// Journal is what the engine needs from a database. All methods may be called from several goroutines, but Commit is
// called by one at a time for each shard.
type Journal interface {
	// Commit makes everything in c durable in one transaction, or nothing of it. It returns ErrConflict when the
	// first block's position is taken. After any other error the outcome is unknown. It must not keep the blocks' data,
	// whose memory serves again.
	Commit(ctx context.Context, c *Commit) error

	// Shared tells whether other processes may append too. Then a shard must be locked to commit to it.
	Shared() bool
	// Lock keeps all others from committing to a shard until it ends, and returns what they have appended from the position
	// `next` on. It waits, for some seconds at most, for a lock that is held. Only a shared journal has it.
	Lock(ctx context.Context, shard uint16, next Position) (*Lock, error)

	// Head returns the position after the shard's last block; ordinal 1 when it is empty.
	Head(ctx context.Context, shard uint16) (Position, error)
	// Blocks calls visit with the shard's blocks in order, from the block that holds `from`, until visit fails.
	Blocks(ctx context.Context, from Position, visit func(*Block) error) error
	// Block returns the block that holds the position.
	Block(ctx context.Context, at Position) (*Block, error)

	// Checkpoint returns the shard's last complete window; the zero Checkpoint when there is none.
	Checkpoint(ctx context.Context, shard uint16) (Checkpoint, error)
	// Owner loads the checkpointed state of one owner; false when it has none.
	Owner(ctx context.Context, shard uint16, key ledger.Key) (OwnerRow, bool, error)
	// DueOwners lists pools whose checkpointed state has its next due instant after `after` and not after `until`,
	// earliest first.
	DueOwners(ctx context.Context, shard uint16, environment string, after, until ledger.Time, limit int) ([]DueOwner, error)
	// PoolKeys lists the checkpointed pools of a customer, ordered by currency and resource.
	PoolKeys(ctx context.Context, shard uint16, environment, customer string) ([]ledger.Key, error)
	// Pages returns the owner's pages of windows below `before`, newest first, at most `limit`.
	Pages(ctx context.Context, shard uint16, owner uint64, before uint32, limit int) ([]PageRow, error)
	// Runs lists the key runs of a shard that have a RunRow, in no order.
	Runs(ctx context.Context, shard uint16) ([]RunRow, error)
	// KeyFilters calls visit with the pieces of a run's filter, in order, until visit fails.
	KeyFilters(ctx context.Context, shard uint16, run RunID, visit func(KeyFilterRow) error) error
	// KeyChunk loads one chunk of a run; it fails when there is none.
	KeyChunk(ctx context.Context, shard uint16, run RunID, chunk int) ([]byte, error)
	// KeyChunks loads the chunks of a run from one on, in order, at most `limit`.
	KeyChunks(ctx context.Context, shard uint16, run RunID, from, limit int) ([]KeyChunkRow, error)
	// Grants lists checkpointed grants of a customer with ids below `before`, newest first.
	Grants(ctx context.Context, shard uint16, q GrantQuery) ([]GrantRow, error)
	// GrantByID loads one checkpointed grant.
	GrantByID(ctx context.Context, shard uint16, id ledger.GrantID) (GrantRow, bool, error)

	// DropDerived deletes every derived row of a shard, while no engine uses it. The journal stays. When it fails, some rows
	// may be gone, and it is to be called again.
	DropDerived(ctx context.Context, shard uint16) error
}

// Commit is one transaction of a shard: the new blocks, and a piece of derived state.
type Commit struct {
	Shard      uint16
	Blocks     []Block
	Owners     []OwnerRow
	Pages      []PageRow
	Grants     []GrantRow
	Chunks     []KeyChunkRow
	Filters    []KeyFilterRow
	Runs       []RunRow    // replace what was said of these runs before
	Stale      []RunPart   // of key runs that are of no use any more, to be deleted
	Checkpoint *Checkpoint // a window of which everything has been written
}

// Checkpoint says up to where derived rows are complete.
type Checkpoint struct {
	Windows uint32 // complete windows; a start replays from the first entry after them
	Owners  uint64 // owners numbered by the end of the last complete window
	Grants  uint64 // grants numbered by then
}

// OwnerRow is the checkpointed state of an owner of postings: a pool, a customer (no currency), or an environment's
// attention list (no customer). The state is true right after entry AsOf.
type OwnerRow struct {
	Key     ledger.Key
	No      uint64
	AsOf    Position
	NextDue ledger.Time
	State   []byte
}

// DueOwner is a pool and when something will be due in it, as its checkpoint says.
type DueOwner struct {
	Key ledger.Key
	At  ledger.Time
}

// PageRow is the postings of one owner in one window, and what its consumption added up to.
type PageRow struct {
	Owner  uint64
	Window uint32
	Refs   []byte
	Usage  []byte
}

// GrantRow is a grant as lists show it. State is the last state of a final grant; for others it is how the grant was
// when the row was written, and the pool knows better.
type GrantRow struct {
	ID        ledger.GrantID
	Key       ledger.Key
	CreatedAt ledger.Time
	Final     bool
	State     []byte
	Texts     []byte // nil keeps the texts that are stored
}

// GrantQuery selects checkpointed grants.
type GrantQuery struct {
	Environment string
	Customer    string
	Currency    string // empty means any
	Resource    string
	AnyResource bool
	Before      ledger.GrantID // exclusive
	Limit       int
	Due         ledger.Time // as `before` of View; a journal does not look at it
}

// RunRow describes a sorted run of the key index. The run of a window has one when it is complete, a merged run from its
// first chunk on.
type RunRow struct {
	Run      RunID
	Keys     int
	Complete bool // all chunks and filters have been written
}

// KeyChunkRow is a piece of a run.
type KeyChunkRow struct {
	Run   RunID
	Chunk int
	Data  []byte
}

// KeyFilterRow is the piece of a run's filter for some chunks, from one on.
type KeyFilterRow struct {
	Run   RunID
	Chunk int
	Bits  []byte
}

// RunPart is the chunks of a run from one to before another, with the pieces of the filter that begin there, and with
// the last part the run's row.
type RunPart struct {
	Run      RunID
	From, To int
	Last     bool
}
