package rmq

// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"
)

// Codes that programs ask for; the others stand in rmq.h. Positive ones are the broker's own.
const (
	CodeState    = C.RMQ_E_STATE      // not allowed now, or settled before
	CodeClosed   = C.RMQ_E_CLOSED     // the consumer is closed
	CodeRevoked  = C.RMQ_E_REVOKED    // the queue was taken away: the messages may come again
	CodeNoServer = C.RMQ_E_NO_NAMESRV // no name server answered
)

// Error is what a call of the library failed with.
type Error struct {
	Code int    // one of RMQ_E_* or a code of the broker
	Name string // the name of the code
	Text string // what happened
}

func (e *Error) Error() string {
	return fmt.Sprintf("rmq: %s (%s, %d)", e.Text, e.Name, e.Code)
}

func newError(code C.rmq_code, text string) *Error {
	return &Error{int(code), C.GoString(C.rmq_code_name(code)), text}
}

// check makes an error of what a C function answered.
func check(outcome C.outcome) error {
	if outcome.code == C.RMQ_OK {
		return nil
	}
	defer C.free(unsafe.Pointer(outcome.text))
	return newError(outcome.code, C.GoString(outcome.text))
}

// isCode tells whether err is an Error with one of the codes.
func isCode(err error, codes ...int) bool {
	failure, ok := err.(*Error)
	for _, code := range codes {
		if ok && failure.Code == code {
			return true
		}
	}
	return false
}
