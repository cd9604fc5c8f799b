package rmq

// #include "shim.h"
import "C"

// Reread crosses into C for the views of the batch and fills Messages anew, as a poll does. It is for measurements,
// in a function that Run calls, once all of the batch is settled.
func (b *Batch) Reread() {
	C.shim_views(b.polled)
	b.fill()
}
