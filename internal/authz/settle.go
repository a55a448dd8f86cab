package authz

import "credence/internal/registry"

// settle is the last step: what the route, or an allowlist that only observes,
// makes of the reason that the rules gave.
func settle(q *question, reason Reason) (settled, observed Reason) {
	switch {
	case reason == Allowed:
		return Allowed, observedByLists(q)
	case q.routeError != nil:
		return reason, Undecided
	case reason == CredentialMissing && (q.route.Optional || q.route.PassPreflight && q.preflight()):
		return AllowedAnonymous, Undecided
	case q.route.Observe && !enforcedAlways(reason):
		return AllowedObserved, reason
	}
	return reason, Undecided
}

// enforcedAlways holds the reasons that observing does not soften: who was
// switched off stays so, and what cannot be understood is not let through.
func enforcedAlways(reason Reason) bool {
	switch reason {
	case ClientDisabled, CredentialRevoked, RequestInvalid, RouteInvalid:
		return true
	}
	return false
}

// observedByLists gives what the allowlists of an allowed request would have
// said, had those that only observe been enforced; else Undecided.
func observedByLists(q *question) Reason {
	client, profile := q.facts.Client, q.facts.Profile
	clientObserves := client.Allow.Present() && client.AllowMode == registry.Observe
	profileObserves := profile.Allow.Present() && profile.AllowMode == registry.Observe
	switch {
	case !clientObserves && !profileObserves:
		return Undecided
	case !q.peer.IsValid():
		return PeerUnknown
	case clientObserves && !client.Allow.Contains(q.peer), profileObserves && !profile.Allow.Contains(q.peer):
		return PeerNotAllowed
	}
	return Undecided
}
