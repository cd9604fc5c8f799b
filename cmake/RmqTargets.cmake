# Rmq::rmq, Rmq::rmq_static and Rmq::mock, from RMQ_INCLUDE_FOLDER and RMQ_LIBRARY_FOLDER. Used by the build and by the
# package, which may have been installed without the mock.

if(NOT TARGET Rmq::rmq)
  add_library(Rmq::rmq SHARED IMPORTED GLOBAL)
  set_target_properties(Rmq::rmq PROPERTIES
    IMPORTED_LOCATION "${RMQ_LIBRARY_FOLDER}/librmq.so"
    IMPORTED_SONAME "librmq.so.0"
    INTERFACE_INCLUDE_DIRECTORIES "${RMQ_INCLUDE_FOLDER}")
endif()

if(NOT TARGET Rmq::rmq_static)
  add_library(Rmq::rmq_static STATIC IMPORTED GLOBAL)
  # What `rustc --print native-static-libs` names. A shared library that links this one keeps its symbols to itself.
  set_target_properties(Rmq::rmq_static PROPERTIES
    IMPORTED_LOCATION "${RMQ_LIBRARY_FOLDER}/librmq.a"
    INTERFACE_INCLUDE_DIRECTORIES "${RMQ_INCLUDE_FOLDER}"
    INTERFACE_COMPILE_DEFINITIONS "RMQ_STATIC"
    INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c"
    INTERFACE_LINK_OPTIONS "LINKER:--exclude-libs,librmq.a")
endif()

if(NOT TARGET Rmq::mock AND (TARGET rmq_mock_cargo OR EXISTS "${RMQ_LIBRARY_FOLDER}/librmq_mock.so"))
  add_library(Rmq::mock SHARED IMPORTED GLOBAL)
  set_target_properties(Rmq::mock PROPERTIES
    IMPORTED_LOCATION "${RMQ_LIBRARY_FOLDER}/librmq_mock.so"
    IMPORTED_SONAME "librmq_mock.so.0"
    INTERFACE_INCLUDE_DIRECTORIES "${RMQ_INCLUDE_FOLDER}")
endif()
