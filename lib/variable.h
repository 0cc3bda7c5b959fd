/*
 * variable - what the environment that we were started with says
 */
#ifndef VARIABLE_H
#define VARIABLE_H

/* As getenv, which calls a function for every variable there is: a start asks
 * twenty times.  NULL: it is not set. */
const char *variable(const char *name);

#endif
