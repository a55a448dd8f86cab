package redisstore

import "context"

// Evicts tells whether Redis removes records by itself when it is full: what is
// not there may then have been there. told is false where it does not say, as
// some managed services do not.
func (s *Store) Evicts(ctx context.Context) (evicts, told bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var i Inspection
	switch err := s.askInfo(ctx, &i); {
	case isRefused(err):
		return false, false, nil
	case err != nil:
		return false, false, s.unavailable("info", err)
	}
	return i.Info.Evicts(), true, nil
}
