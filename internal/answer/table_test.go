package answer

import (
	"net/http"
	"strings"
	"testing"

	"credence/internal/authz"
)

// TestEveryReasonHasItsAnswer states what a caller sees of each reason; the
// words stand in the table alone.
func TestEveryReasonHasItsAnswer(t *testing.T) {
	type seen struct {
		status     int
		grpc       uint32
		code       string
		challenged bool
		err        string
	}
	same := func(status int, grpc uint32, challenged bool, err string, reasons ...authz.Reason) map[authz.Reason]seen {
		rows := map[authz.Reason]seen{}
		for _, reason := range reasons {
			rows[reason] = seen{status, grpc, reason.String(), challenged, err}
		}
		return rows
	}
	shared := func(row seen, reasons ...authz.Reason) map[authz.Reason]seen {
		rows := map[authz.Reason]seen{}
		for _, reason := range reasons {
			rows[reason] = row
		}
		return rows
	}
	want := map[authz.Reason]seen{}
	for _, rows := range []map[authz.Reason]seen{
		shared(seen{}, authz.Allowed, authz.AllowedAnonymous, authz.AllowedObserved),
		same(400, 3, true, "invalid_request", authz.RequestInvalid, authz.CredentialAmbiguous, authz.CredentialInURL),
		same(401, 16, true, "", authz.CredentialMissing),
		shared(seen{401, 16, "credential_invalid", true, "invalid_token"},
			authz.CredentialMalformed, authz.TokenUnknown, authz.JWTMalformed, authz.JWTAlgorithm, authz.JWTIssuerUnknown, authz.JWTKeyUnknown,
			authz.JWTSubjectUnknown, authz.JWTSignature, authz.JWTClaims, authz.JWTAudience, authz.JWTBinding),
		same(401, 16, true, "invalid_token",
			authz.CredentialRevoked, authz.CredentialExpired, authz.CredentialNotYetValid, authz.CredentialOverdue, authz.CredentialLifetime),
		shared(seen{403, 7, "client_disabled", false, ""}, authz.ClientUnknown, authz.ClientDisabled),
		shared(seen{403, 7, "profile_disabled", false, ""}, authz.ProfileUnknown, authz.ProfileDisabled),
		same(403, 7, false, "", authz.KindNotAccepted, authz.ProfileNotAdmitted, authz.TransportInsecure, authz.PeerUnknown, authz.PeerNotAllowed),
		same(403, 7, true, "insufficient_scope", authz.ScopeMissing),
		shared(seen{503, 14, "unavailable", false, ""},
			authz.RouteInvalid, authz.RegistryUnavailable, authz.RecordInvalid, authz.Overloaded, authz.InternalError),
	} {
		for reason, row := range rows {
			want[reason] = row
		}
	}
	for _, reason := range authz.Reasons() {
		row := Of(reason)
		got := seen{row.Status, row.GRPC, row.Code, row.Challenged, row.Error}
		if got != want[reason] {
			t.Errorf("Of(%s) is %+v, want %+v", reason, got, want[reason])
		}
	}
}

func TestWordsOfTheTable(t *testing.T) {
	texts := map[string]Row{} // by public code
	for _, reason := range authz.Reasons() {
		row := Of(reason)
		if reason.Allows() {
			continue
		}
		if row.Title != http.StatusText(row.Status) {
			t.Errorf("Of(%s).Title is %q, want the phrase of %d", reason, row.Title, row.Status)
		}
		if !strings.HasSuffix(row.Detail, ".") || strings.ContainsFunc(row.Detail, func(c rune) bool { return c < 0x20 || c > 0x7e }) {
			t.Errorf("Of(%s).Detail is %q, want an ASCII sentence", reason, row.Detail)
		}
		if other, known := texts[row.Code]; known && other != row {
			t.Errorf("Of(%s) is %+v, want %+v: one text for all of code %s", reason, row, other, row.Code)
		}
		texts[row.Code] = row
	}
}

func TestWhatIsNoReasonIsAnsweredLikeAFault(t *testing.T) {
	for _, reason := range []authz.Reason{authz.Undecided, authz.Reason(len(rows)), 255} {
		if got, want := Of(reason), Of(authz.InternalError); got != want {
			t.Errorf("Of(%d) is %+v, want %+v", reason, got, want)
		}
	}
}
