// What lets one inline function serve the host and a GPU.
#pragma once

#if defined(__CUDACC__)
#define APO_HD __host__ __device__
#else
#define APO_HD
#endif
