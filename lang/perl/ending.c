// SPDX-License-Identifier: Apache-2.0
/*
 * How a fork of a CGI program ends. At its end Perl looks for objects that are to be destroyed, and writes on
 * the way to every symbol there is: with a template that copies most of its pages, to no effect where no
 * object has a destructor. Then the fork ends when END blocks have run and handles are flushed, as it would
 * after that.
 *
 * Nothing is left out that could be noticed: a destructor that does something, a handle whose close waits for
 * a process or reports an error, or functions that were registered for the end, and all is done as usual.
 */
#include "perl_headers.h"

enum { kMostClasses = 64 };

typedef struct {
  HV* classes[kMostClasses];  // whose objects need no destruction
  size_t count;
} Harmless;

// As Perl itself decides whether to call it (S_curse in sv.c).
static int does_nothing(const CV* destructor) {
  if (CvCONST(destructor)) return 1;
  if (CvISXSUB(destructor)) return 0;
  const OP* start = CvSTART(destructor);
  if (!start || !start->op_next) return 1;
  const OP* first = start->op_next;
  return first->op_type == OP_LEAVESUB ||
         (first->op_type == OP_PUSHMARK && first->op_next->op_type == OP_RETURN);
}

static int class_is_harmless(pTHX_ HV* class) {
  const char* name = HvNAME_get(class);
  if (!name) return 0;
  if (strcmp(name, "Regexp") == 0) return 1;  // its destructor is Perl's own, and empty
  GV* gv = gv_fetchmeth_pvn(class, "DESTROY", 7, 0, 0);
  if (gv && GvCV(gv)) return does_nothing(GvCV(gv));
  return !gv_fetchmeth_pvn(class, "AUTOLOAD", 8, 0, 0);
}

static int is_harmless(pTHX_ Harmless* known, HV* class) {
  for (size_t i = 0; i < known->count; ++i) {
    if (known->classes[i] == class) return 1;
  }
  if (known->count == kMostClasses || !class_is_harmless(aTHX_ class)) return 0;
  known->classes[known->count++] = class;
  return 1;
}

// The close of a pipe waits for its process; one that has failed is reported.
static int closes_quietly(pTHX_ const IO* io) {
  if (IoTYPE(io) == IoTYPE_PIPE) return 0;
  return !IoOFP(io) || !PerlIO_error(IoOFP(io));
}

static int can_stay(pTHX_ Harmless* known, SV* sv) {
  if (!SvOBJECT(sv)) return 1;
  if (SvTYPE(sv) == SVt_PVIO && !closes_quietly(aTHX_(const IO*) sv)) return 0;
  return SvSTASH(sv) && is_harmless(aTHX_ known, SvSTASH(sv));
}

static int all_can_stay(pTHX) {
  Harmless classes = {.count = 0};
  Harmless* known = &classes;
  for (SV* arena = PL_sv_arenaroot; arena; arena = (SV*)SvANY(arena)) {
    const SV* end = &arena[SvREFCNT(arena)];
    for (SV* sv = arena + 1; sv < end; ++sv) {
      const int lives = SvTYPE(sv) != (svtype)SVTYPEMASK && SvREFCNT(sv) > 0;
      if (lives && !can_stay(aTHX_ known, sv)) return 0;
    }
  }
  return 1;
}

// Perl asks it between the END blocks and the destruction: not 0 ends the program here.
static int at_end(pTHX) { return PL_perl_destruct_level == 0 && PL_exitlistlen <= 1 && all_can_stay(aTHX); }

void remuda_perl_end_early(pTHX) {
  if (PL_threadhook == Perl_nothreadhook) PL_threadhook = at_end;  // else threads are waited for there
}
