package webhook

import (
	"errors"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/scrip-dev/scrip/internal/credits"
)

// errBadSecret says that a stored secret cannot sign.
var errBadSecret = errors.New("the stored secret cannot sign")

// sign makes one signature over the id, the instant and the body.
func sign(secret credits.Secret, out *credits.Outgoing, at time.Time) (string, error) {
	w, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		return "", errBadSecret // the library's error may show a part of it
	}
	return w.Sign(out.MessageID, at, out.Body)
}

// timestamp is the instant in the header, in whole seconds as it is signed.
func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
