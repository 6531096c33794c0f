/* The one header of the library, from where pkg-config says that it is. */
#include <julu.h>
