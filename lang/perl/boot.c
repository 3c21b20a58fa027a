// SPDX-License-Identifier: Apache-2.0
/*
 * boot_Remuda: what DynaLoader calls once the extension is loaded. It refuses an interpreter that it was not
 * built for: Perl's own handshake ends the process and says so.
 */
#include "perl_headers.h"

void remuda_perl_define(pTHX_ const RemudaFunction* functions, size_t count) {
  for (size_t i = 0; i < count; ++i) newXS(functions[i].name, functions[i].code, __FILE__);
}

// Remuda::execute(PROGRAM, WORDS...): execv(2), without what -T says of its words and of $PATH.
static XS(execute) {
  dXSARGS;
  const char** words;
  if (items < 2) croak_xs_usage(cv, "program, words...");
  Newx(words, (size_t)items, const char*);
  for (I32 i = 1; i < items; ++i) words[i - 1] = SvPV_nolen_const(ST(i));
  words[items - 1] = NULL;
  execv(SvPV_nolen_const(ST(0)), (char* const*)words);
  Safefree(words);
  XSRETURN_EMPTY;
}

__attribute__((visibility("default"))) XS_EXTERNAL(boot_Remuda);
XS_EXTERNAL(boot_Remuda) {
  dVAR;
  dXSBOOTARGSNOVERCHK;
  PERL_UNUSED_VAR(items);
  static const RemudaFunction kFunctions[] = {{"Remuda::execute", execute}};
  remuda_perl_define(aTHX_ kFunctions, C_ARRAY_LENGTH(kFunctions));
  remuda_perl_boot_template(aTHX);
  remuda_perl_boot_script(aTHX);
  remuda_perl_boot_app(aTHX);
  Perl_xs_boot_epilog(aTHX_ ax);
}
