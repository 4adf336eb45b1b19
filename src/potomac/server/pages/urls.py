"""Addresses of the pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from potomac.server.pages import products, runs, sources, studies

urlpatterns: list[URLPattern] = [
    path("", products.gallery, name="gallery"),
    path("p/<slug:slug>/", products.product, name="product"),
    path("p/<slug:slug>/ask/<slug:endpoint>/", products.ask, name="ask"),
    path("p/<slug:slug>/change/", products.change, name="product-change"),
    path("p/<slug:slug>/embed/", products.embed, name="embed"),
    path("p/<slug:slug>/picture/", products.picture, name="product-picture"),
    path("p/<slug:slug>/report/", products.report, name="product-report"),
    path("p/<slug:slug>/tables/<str:name>/", products.table, name="product-table"),
    path("sources/", sources.sources_, name="sources"),
    path("sources/<slug:id>/", sources.source, name="source"),
    path("sources/<slug:id>/state/", sources.source_state, name="source-state"),
    path("studies/", studies.studies_, name="studies"),
    path("studies/new/<slug:kind>/", studies.study_new, name="study-new"),
    path("studies/<slug:id>/", studies.study, name="study"),
    path("studies/<slug:id>/file/", studies.study_file, name="study-file"),
    path("runs/", runs.runs_, name="runs"),
    path("runs/compare/", runs.compare, name="run-compare"),
    path("runs/<slug:id>/", runs.run, name="run"),
    path("runs/<slug:id>/state/", runs.run_state, name="run-state"),
    path("runs/<slug:id>/report/", runs.run_report, name="run-report"),
    path("runs/<slug:id>/tables/<str:name>/", runs.run_table, name="run-table"),
]
