package rmq

// #include "shim.h"
import "C"

// Reread crosses into C for the views of the batch and fills Messages anew, as a poll does that had not to wait. It is
// for measurements, in a function that Run calls.
func (b *Batch) Reread() {
	C.shim_views(b.polled)
	b.fill(b.polled)
}
