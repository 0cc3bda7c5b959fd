/*
 * version - of the programs, which are released together
 */
#ifndef VERSION_H
#define VERSION_H

#define VERSION "1.0.0"

#endif
